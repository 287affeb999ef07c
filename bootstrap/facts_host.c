/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who and what we are: user, container, distribution, processor, firmware, tools, kernels. Reads
 * files and asks the kernel; starts no process.
 */
#include "bootstrap/facts_parts.h"

#include "bootstrap/facts_parse.h"
#include "bootstrap/kmods.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#define EFI_DIR "/sys/firmware/efi"
/* The variable of the EFI global vendor GUID (UEFI specification, 3.3): 4 bytes of attributes, then
 * the value. */
#define SECURE_BOOT EFI_DIR "/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define VMLINUZ "vmlinuz-"

DEFINE_CLEANUP(DIR *, closedir);
#define CLEANUP_DIR CLEANUP(closedirp)

static void put_line(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* The sources that systemd-detect-virt(1) reads, in its order; /proc/1/environ needs root. */
static void look_container(struct facts *facts)
{
	static const struct {
		const char *path, *kind; /* kind NULL: the file says it */
	} marks[] = {
		{ "/run/host/container-manager", NULL },
		{ "/run/systemd/container", NULL },
		{ "/run/.containerenv", "podman" },
		{ "/.dockerenv", "docker" },
		{ "/proc/vz", "openvz" },
	};
	CLEANUP_FREE char *environment = NULL;
	size_t i, len = 0;

	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		CLEANUP_FREE char *text = NULL;

		if (!file_exists(marks[i].path) ||
		    (strcmp(marks[i].path, "/proc/vz") == 0 && file_exists("/proc/bc")))
			continue;
		text = facts_read(marks[i].path);
		put_line(facts->container, sizeof(facts->container),
			 marks[i].kind ? marks[i].kind
			 : *text       ? text
				       : "container");
		return;
	}
	if (file_read("/proc/1/environ", 1 * MIB, &environment, &len) == 0)
		facts_parse_environ(environment, len, facts->container, sizeof(facts->container));
	fail_clear();
}

static void look_system(struct facts *facts)
{
	CLEANUP_FREE char *os_release = facts_read("/etc/os-release");
	CLEANUP_FREE char *meminfo = facts_read("/proc/meminfo");
	CLEANUP_FREE char *cpuinfo = facts_read("/proc/cpuinfo");
	struct utsname uts;

	facts_parse_os_release(os_release, facts);
	facts_parse_meminfo(meminfo, facts);
	facts_parse_cpuinfo(cpuinfo, facts);
	if (uname(&uts) == 0) {
		put_line(facts->arch, sizeof(facts->arch), uts.machine);
		put_line(facts->kernel, sizeof(facts->kernel), uts.release);
		put_line(facts->hostname, sizeof(facts->hostname), uts.nodename);
	}
}

static void look_firmware(struct facts *facts)
{
	CLEANUP_FREE char *product = facts_read("/sys/class/dmi/id/product_uuid");
	CLEANUP_FREE char *value = NULL;
	size_t len = 0;

	put_line(facts->product_uuid, sizeof(facts->product_uuid), product);
	facts->is_efi_booted = file_exists(EFI_DIR);
	if (file_read(SECURE_BOOT, 64, &value, &len) == 0)
		facts->is_secure_boot = len >= 5 && value[4] == 1;
	fail_clear();
}

/* Would its lock be free? F_GETLK only asks. */
static bool is_locked(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

static void look_tools(struct facts *facts)
{
	facts->has_apt = is_program("/usr/bin/apt-get");
	facts->is_package_manager_busy = is_locked("/var/lib/dpkg/lock-frontend") ||
					 is_locked("/var/lib/dpkg/lock") ||
					 is_locked("/var/lib/apt/lists/lock");
	facts->has_grub = is_program("/usr/sbin/grub-mkconfig") &&
			  is_program("/usr/sbin/grub-install") &&
			  file_exists("/boot/grub/grub.cfg");
	facts->has_systemd = file_exists("/run/systemd/system");
	if (is_program("/usr/sbin/update-initramfs"))
		facts->initrd = INITRD_INITRAMFS_TOOLS;
	else if (is_program("/usr/bin/dracut") || is_program("/usr/sbin/dracut"))
		facts->initrd = INITRD_DRACUT;
}

/* One image is made for each kernel, so each must be able to open the disk. */
static void look_kernels(struct facts *facts)
{
	CLEANUP_DIR DIR *dir = opendir("/boot");
	struct dirent *entry;
	bool has = false;
	size_t i;

	while (dir && (entry = readdir(dir)) && facts->kernel_count < FACTS_LIST_MAX) {
		if (strncmp(entry->d_name, VMLINUZ, strlen(VMLINUZ)) == 0)
			put_line(facts->kernels[facts->kernel_count++], sizeof(facts->kernels[0]),
				 entry->d_name + strlen(VMLINUZ));
	}
	facts->has_dm_crypt = kmods_has(NULL, "dm_crypt", &has) == 0 && has;
	for (i = 0; i < facts->kernel_count; i++) {
		if (kmods_has(facts->kernels[i], "dm_crypt", &has) < 0 || !has)
			facts->has_dm_crypt = false;
	}
	fail_clear();
}

void facts_look_host(struct facts *facts)
{
	facts->is_root = geteuid() == 0;
	look_container(facts);
	look_system(facts);
	look_firmware(facts);
	look_tools(facts);
	look_kernels(facts);
}
