# An image whose copies encrypt themselves at their first boot. The image itself stays plain on
# purpose: a disk encrypted in the image would have the same key in every copy.
# The enrollment key isn't baked in either: each copy gets it with its user-data, as the line
#   PANOCRYPT_ENROLLMENT_KEY=… /usr/local/sbin/panocrypt-first-boot

packer {
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = ">= 1.0.0"
    }
  }
}

variable "panocrypt_server" {
  type = string
}

variable "panocrypt_ca_file" {
  type    = string
  default = "ca.pem"
}

source "qemu" "debian" {
  iso_url      = "debian-12-genericcloud-amd64.qcow2"
  iso_checksum = "file:SHA512SUMS"
  disk_image   = true
  ssh_username = "debian"
}

build {
  sources = ["source.qemu.debian"]

  provisioner "file" {
    source      = var.panocrypt_ca_file
    destination = "/tmp/panocrypt-ca.pem"
  }

  provisioner "file" {
    source      = "${path.root}/../../install.sh"
    destination = "/tmp/panocrypt-install"
  }

  provisioner "shell" {
    inline = [
      "sudo install -m 644 -D /tmp/panocrypt-ca.pem /usr/local/share/panocrypt/ca.pem",
      "sudo install -m 755 /tmp/panocrypt-install /usr/local/sbin/panocrypt-install",
      "printf '#!/bin/sh\\nexport PANOCRYPT_SERVER=${var.panocrypt_server} PANOCRYPT_CA=/usr/local/share/panocrypt/ca.pem\\nexec /usr/local/sbin/panocrypt-install\\n' | sudo tee /usr/local/sbin/panocrypt-first-boot >/dev/null",
      "sudo chmod 755 /usr/local/sbin/panocrypt-first-boot",
    ]
  }
}
