/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Facts as JSON, by one table: for `plan --json` and for evidence. Holds no secret, because facts
 * don't.
 */
#include "common/err.h"

#include "bootstrap/facts.h"

#include <errno.h>
#include <string.h>

enum field_kind { FIELD_TEXT, FIELD_BOOL, FIELD_BYTES, FIELD_UNSIGNED };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
};

#define FIELD(kind, member)                                                                        \
	{                                                                                          \
#member, FIELD_##kind, offsetof(struct facts, member)                              \
	}

static const struct field fields[] = {
	FIELD(BOOL, is_root),
	FIELD(TEXT, container),
	FIELD(TEXT, os_id),
	FIELD(TEXT, os_version),
	FIELD(TEXT, os_pretty),
	FIELD(TEXT, arch),
	FIELD(TEXT, kernel),
	FIELD(TEXT, hostname),
	FIELD(BOOL, is_efi_booted),
	FIELD(BOOL, is_secure_boot),
	FIELD(BYTES, memory_bytes),
	FIELD(TEXT, root_device),
	FIELD(TEXT, root_fstype),
	FIELD(TEXT, root_options),
	FIELD(TEXT, fs_uuid),
	FIELD(TEXT, root_partuuid),
	FIELD(BYTES, root_bytes),
	FIELD(BYTES, fs_used_bytes),
	FIELD(BYTES, fs_free_bytes),
	FIELD(BYTES, fs_unmoved_bytes),
	FIELD(BYTES, fs_least_bytes),
	FIELD(BOOL, fs_has_errors),
	FIELD(TEXT, luks_uuid),
	FIELD(TEXT, luks_device),
	FIELD(TEXT, disk),
	FIELD(TEXT, disk_id),
	FIELD(TEXT, table_type),
	FIELD(UNSIGNED, root_number),
	FIELD(BYTES, root_start_bytes),
	FIELD(BYTES, disk_bytes),
	FIELD(BYTES, sector_bytes),
	FIELD(BOOL, has_bios_boot),
	FIELD(BOOL, has_esp),
	FIELD(TEXT, esp_mount),
	FIELD(BOOL, is_boot_separate),
	FIELD(TEXT, boot_device),
	FIELD(TEXT, boot_fstype),
	FIELD(TEXT, boot_uuid),
	FIELD(TEXT, boot_partuuid),
	FIELD(BYTES, boot_used_bytes),
	FIELD(BOOL, has_apt),
	FIELD(BOOL, is_package_manager_busy),
	FIELD(BOOL, has_grub),
	FIELD(BOOL, has_systemd),
	FIELD(BOOL, has_dm_crypt),
	FIELD(BOOL, has_aes_instructions),
	FIELD(TEXT, initramfs_modules),
	FIELD(BOOL, has_fallback_cipher),
	FIELD(BYTES, default_cipher_rate),
	FIELD(BYTES, fallback_cipher_rate),
	FIELD(TEXT, net_interface),
	FIELD(TEXT, net_mac),
	FIELD(TEXT, net_address4),
	FIELD(TEXT, net_gateway4),
	FIELD(TEXT, net_address6),
	FIELD(TEXT, net_gateway6),
	FIELD(BOOL, is_net_dhcp4),
	FIELD(TEXT, product_uuid),
	FIELD(BOOL, has_intent),
	FIELD(BOOL, is_intent_damaged),
	FIELD(BOOL, is_running),
	FIELD(BOOL, was_converted),
};

static const char *const root_kinds[] = {
	[ROOT_PARTITION] = "partition", [ROOT_LUKS] = "luks",	[ROOT_LVM] = "lvm",
	[ROOT_RAID] = "raid",		[ROOT_OTHER] = "other",
};

static const char *const initrd_kinds[] = {
	[INITRD_NONE] = "none",
	[INITRD_INITRAMFS_TOOLS] = "initramfs-tools",
	[INITRD_DRACUT] = "dracut",
};

/* A name of this machine's may be any bytes; JSON takes UTF-8 only. */
static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string("(not UTF-8)");
}

static json_t *field_value(const struct field *field, const struct facts *facts)
{
	const char *at = (const char *)facts + field->offset;
	uint64_t bytes;
	unsigned number;
	bool flag;

	switch (field->kind) {
	case FIELD_TEXT: return text_value(at);
	case FIELD_BOOL: memcpy(&flag, at, sizeof(flag)); return json_boolean(flag);
	case FIELD_BYTES: memcpy(&bytes, at, sizeof(bytes)); return json_integer((json_int_t)bytes);
	case FIELD_UNSIGNED: memcpy(&number, at, sizeof(number)); return json_integer(number);
	}
	return NULL;
}

static json_t *texts(const char *first, size_t stride, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(array, text_value(first + i * stride));
	return array;
}

static json_t *mounts(const struct facts *facts)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < facts->other_writable_count; i++) {
		const struct facts_mount *mount = &facts->other_writable[i];
		json_t *object = json_object();

		json_object_set_new(object, "source", text_value(mount->source));
		json_object_set_new(object, "target", text_value(mount->target));
		json_object_set_new(object, "fstype", text_value(mount->fstype));
		json_array_append_new(array, object);
	}
	return array;
}

int facts_to_json(const struct facts *facts, json_t **ret)
{
	CLEANUP_JSON json_t *object = json_object();
	bool is_bad = !object;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		is_bad |= json_object_set_new(object, fields[i].name,
					      field_value(&fields[i], facts)) < 0;
	is_bad |= json_object_set_new(object, "root_kind",
				      json_string(root_kinds[facts->root_kind])) < 0;
	is_bad |= json_object_set_new(object, "initrd", json_string(initrd_kinds[facts->initrd])) <
		  0;
	is_bad |= json_object_set_new(object, "other_writable", mounts(facts)) < 0;
	is_bad |= json_object_set_new(
			  object, "swaps",
			  texts(facts->swaps[0], sizeof(facts->swaps[0]), facts->swap_count)) < 0;
	is_bad |= json_object_set_new(object, "kernels",
				      texts(facts->kernels[0], sizeof(facts->kernels[0]),
					    facts->kernel_count)) < 0;
	is_bad |= json_object_set_new(
			  object, "dns",
			  texts(facts->dns[0], sizeof(facts->dns[0]), facts->dns_count)) < 0;
	if (is_bad)
		return fail(-ENOMEM, "facts as JSON: out of memory");
	*ret = TAKE_PTR(object);
	return 0;
}
