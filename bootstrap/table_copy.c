/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See table_copy.h. The file: {"disk_id","partitions":[{"number","start_bytes","size_bytes","type",
 * "partuuid"}]}.
 */
#include "bootstrap/table_copy.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/json.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

int table_copy_write(const char *path, const struct table *table)
{
	CLEANUP_JSON json_t *list = json_array();
	CLEANUP_JSON json_t *object = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	for (size_t i = 0; i < table->count; i++) {
		const struct table_partition *p = &table->partitions[i];

		if (json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:s, s:s}", "number",
							  (int)p->number, "start_bytes",
							  (json_int_t)p->start_bytes, "size_bytes",
							  (json_int_t)p->size_bytes, "type",
							  p->type, "partuuid", p->partuuid)) < 0)
			return -ENOMEM;
	}
	object = json_pack("{s:s, s:O}", "disk_id", table->disk_id, "partitions", list);
	if (!object)
		return -ENOMEM;
	r = js_print_pretty(object, &text);
	return r < 0 ? r : file_replace_text(path, text, 0600);
}

static int read_partition(const json_t *object, struct table_partition *ret)
{
	uint64_t number = 0;
	int r = js_u64(object, "number", &number);

	if (r == 0)
		r = js_u64(object, "start_bytes", &ret->start_bytes);
	if (r == 0)
		r = js_u64(object, "size_bytes", &ret->size_bytes);
	if (r == 0)
		r = js_copy(object, "type", ret->type, sizeof(ret->type));
	if (r == 0)
		r = js_copy(object, "partuuid", ret->partuuid, sizeof(ret->partuuid));
	if (r == 0 && (!number || number > TABLE_PARTITIONS_MAX))
		r = fail(-EINVAL, "a partition has no sensible number");
	ret->number = (unsigned)number;
	return r;
}

int table_copy_read(const char *path, struct table *ret)
{
	CLEANUP_JSON json_t *object = NULL;
	json_t *list = NULL;
	int r = js_read_file(path, JSON_TEXT_MAX, &object);

	*ret = (struct table){ .type = "gpt" };
	if (r == 0)
		r = js_copy(object, "disk_id", ret->disk_id, sizeof(ret->disk_id));
	if (r == 0)
		r = js_array(object, "partitions", &list);
	if (r == 0 && json_array_size(list) > TABLE_PARTITIONS_MAX)
		r = fail(-EINVAL, "there are more partitions than a table has room for");
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = read_partition(json_array_get(list, i), &ret->partitions[ret->count++]);
	return r < 0 ? fail_at(r, "%s", path) : 0;
}

static const struct table_partition *find_number(const struct table *table, unsigned number)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->partitions[i].number == number)
			return &table->partitions[i];
	}
	return NULL;
}

bool table_is_same(const struct table *a, const struct table *b)
{
	if (a->count != b->count || strcasecmp(a->disk_id, b->disk_id) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct table_partition *p = &a->partitions[i];
		const struct table_partition *q = find_number(b, p->number);

		if (!q || p->start_bytes != q->start_bytes || p->size_bytes != q->size_bytes ||
		    strcasecmp(p->type, q->type) != 0 || strcasecmp(p->partuuid, q->partuuid) != 0)
			return false;
	}
	return true;
}

int table_carved(const struct table *before, const char *root_partuuid, uint64_t root_bytes,
		 uint64_t boot_bytes, const char *boot_partuuid, struct table *ret)
{
	struct table_partition *root = NULL, *boot;

	*ret = *before;
	for (size_t i = 0; i < ret->count; i++) {
		if (strcasecmp(ret->partitions[i].partuuid, root_partuuid) == 0)
			root = &ret->partitions[i];
	}
	if (!root || ret->count == TABLE_PARTITIONS_MAX)
		return fail(-ENOENT, "the table has no partition %s, or no room", root_partuuid);
	root->size_bytes = root_bytes;
	boot = &ret->partitions[ret->count];
	*boot = (struct table_partition){ .number = 1, .size_bytes = boot_bytes };
	while (find_number(ret, boot->number))
		boot->number++;
	ret->count++;
	boot->start_bytes = table_start_behind(root);
	snprintf(boot->type, sizeof(boot->type), "%s", TABLE_LINUX_TYPE);
	snprintf(boot->partuuid, sizeof(boot->partuuid), "%s", boot_partuuid);
	return 0;
}
