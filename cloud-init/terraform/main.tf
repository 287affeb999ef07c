# A machine that encrypts itself at its first boot. Terraform fills the placeholders of the same
# cloud-config that people paste. Hetzner Cloud stands for any provider: what counts is user_data.

terraform {
  required_providers {
    hcloud = {
      source = "hetznercloud/hcloud"
    }
  }
}

variable "panocrypt_server" {
  description = "https://name:port of the unlock server's admin listener"
  type        = string
}

variable "panocrypt_enrollment_key" {
  description = "Enrollment key; best one with few uses and a short life"
  type        = string
  sensitive   = true
}

variable "panocrypt_ca_file" {
  description = "The server's ca.pem"
  type        = string
  default     = "ca.pem"
}

locals {
  user_data = replace(replace(replace(
    file("${path.module}/../cloud-config.yaml"),
    "@SERVER@", var.panocrypt_server),
    "@ENROLLMENT_KEY@", var.panocrypt_enrollment_key),
    "@CA_BASE64@", filebase64(var.panocrypt_ca_file))
}

resource "hcloud_server" "web" {
  name        = "web1"
  image       = "debian-12"
  server_type = "cx22"
  user_data   = local.user_data
}
