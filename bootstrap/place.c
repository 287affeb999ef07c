/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the filesystem's head gives way to the LUKS2 header: the only part of a conversion that a
 * cut could turn into a loss, so every write is followed by its flush, and each comment "cut:" says
 * what the disk holds if the power fails there. Writes to the device and to the state folder only.
 */
#include "bootstrap/place.h"

#include "bootstrap/intent.h"
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/region.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define WORK_FILE "header.work"
#ifndef PLACE_SHIFT_LEAST_BYTES /* tests that rebuild thousands of disks make them smaller */
#define PLACE_SHIFT_LEAST_BYTES (16 * MIB)
#endif
#define FIRST_BYTES (4 * KIB)  /* holds the superblock of every filesystem we convert */
#define COPY_BYTES (16 * KIB)  /* one copy of the LUKS2 metadata; luks.c makes headers so */
#define BINARY_BYTES (4 * KIB) /* its first part: one sector, then zeros; the rest is JSON */
/* With the second copy's binary part: whatever of that is torn later, what stands behind its first
 * sector is zeros already. */
#define CLEARED_BYTES (COPY_BYTES + BINARY_BYTES)

const char *const place_points[] = {
	"work-copied",	     "head-parked",
	"park-flushed",	     "post-durable",
	"superblock-zeroed", "copy-zeroed",
	"slots-written",     "secondary-text-written",
	"secondary-written", "primary-written",
	"compared",	     "marked",
	"chunk-done",	     NULL,
};

static void reach(const struct place *place, const char *point)
{
	if (place->reached)
		place->reached(point);
}

static void settle(const struct place *place)
{
	if (place->settle)
		place->settle(place->state_dir);
}

/* The files and the device that place_park() and place_write() work on. */
struct site {
	char *image, *work, *post, *marker;
	int device;
	uint64_t device_bytes;
};

static void site_done(struct site *site)
{
	free(site->image);
	free(site->work);
	free(site->post);
	free(site->marker);
	cleanup_close(&site->device);
}

#define CLEANUP_SITE CLEANUP(site_done)
#define SITE_EMPTY ((struct site){ NULL, NULL, NULL, NULL, -1, 0 })

static int check_sizes(const struct place *place, uint64_t device_bytes)
{
	uint64_t shift = place->shift_bytes;
	uint64_t payload = place->payload_bytes;

	if (shift < PLACE_SHIFT_LEAST_BYTES || shift % MIB != 0 || payload < shift ||
	    payload % SECTOR_BYTES != 0)
		return fail(-EINVAL, "place: shift %llu and payload %llu bytes are not possible",
			    (unsigned long long)shift, (unsigned long long)payload);
	if (device_bytes < 2 * shift || payload > device_bytes - 2 * shift)
		return fail(-ENOSPC, "place: %s has %llu bytes, %llu are needed", place->device,
			    (unsigned long long)device_bytes,
			    (unsigned long long)(payload + 2 * shift));
	return 0;
}

static int site_open(const struct place *place, struct site *ret)
{
	CLEANUP_SITE struct site site = SITE_EMPTY;
	int r;

	r = text_format(&site.image, "%s/%s", place->state_dir, HEADER_FILE);
	if (r == 0)
		r = text_format(&site.work, "%s/%s", place->state_dir, WORK_FILE);
	if (r == 0)
		r = text_format(&site.post, "%s/%s", place->state_dir, HEADER_POST_FILE);
	if (r == 0)
		r = text_format(&site.marker, "%s/%s", place->state_dir, MARKER_FILE);
	if (r < 0)
		return r;
	if (file_exists(site.marker))
		return fail(-EALREADY, "the header is in place: the copy is never written again");
	r = region_open(place->device, O_RDWR | O_EXCL, &site.device);
	if (r == 0)
		r = region_size(site.device, &site.device_bytes);
	if (r == 0)
		r = check_sizes(place, site.device_bytes);
	if (r < 0)
		return r;
	*ret = site;
	site = SITE_EMPTY;
	return 0;
}

bool place_has_marker(const char *state_dir)
{
	char path[4096];

	return snprintf(path, sizeof(path), "%s/%s", state_dir, MARKER_FILE) < (int)sizeof(path) &&
	       file_exists(path);
}

/* --- park ------------------------------------------------------------------------------------- */

static int compare_parked(const struct place *place, const struct site *site, bool *ret)
{
	return region_equal(site->device, 0, site->device, site->device_bytes - place->shift_bytes,
			    place->shift_bytes, ret);
}

/* Is the head still the filesystem's own? */
static int check_head(const struct place *place, const struct site *site)
{
	bool is_zero, is_same = false;
	int r;

	r = region_is_zero(site->device, 0, FIRST_BYTES, &is_zero);
	if (r < 0)
		return r;
	if (is_zero)
		return fail(-EUCLEAN, "%s begins with zeros: its head is parked already",
			    place->device);
	if (!file_exists(site->post))
		return 0;
	r = compare_parked(place, site, &is_same);
	if (r < 0)
		return r;
	return is_same ? 0
		       : fail(-EEXIST, "%s exists and %s differs from what it parked", site->post,
			      place->device);
}

/* fsync(2) and rename(2): header.post is there whole or not at all. */
static int publish(const struct place *place, const struct site *site)
{
	CLEANUP_CLOSE int fd = open(site->work, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0 || rename(site->work, site->post) < 0)
		return fail(-errno, "making %s durable: %s", site->post, strerror(errno));
	return file_sync_dir(place->state_dir);
}

int place_park(const struct place *place, const struct secret *volume_key)
{
	CLEANUP_SITE struct site site = SITE_EMPTY;
	bool is_same = false;
	int r;

	r = site_open(place, &site);
	if (r == 0)
		r = check_head(place, &site);
	if (r == 0)
		r = file_copy(site.image, site.work);
	if (r < 0)
		return r;
	/* cut: a plain root; header.work is made again */
	reach(place, "work-copied");

	/* libcryptsetup opens the device exclusively too: ours is closed meanwhile. */
	close(TAKE_FD(site.device));
	r = luks_reencrypt_init(site.work, place->device, volume_key, place->payload_bytes);
	if (r == 0)
		r = region_open(place->device, O_RDWR | O_EXCL, &site.device);
	if (r < 0)
		return r;
	/* cut: a plain root; some of its head stands behind the payload too, in free space */
	reach(place, "head-parked");

	r = region_flush(site.device);
	if (r == 0)
		r = compare_parked(place, &site, &is_same);
	if (r < 0)
		return r;
	if (!is_same)
		return fail(-EIO,
			    "%s: the parked copy of its head reads back differently: the "
			    "device is not reliable; nothing else was changed",
			    place->device);
	/* cut: a plain root, its head parked whole; no header.post, so all of it is done again */
	reach(place, "park-flushed");

	r = publish(place, &site);
	if (r < 0)
		return r;
	settle(place);
	/* cut: a plain root and a header.post that fits it, as long as nobody mounts the root */
	reach(place, "post-durable");
	return 0;
}

/* --- write ------------------------------------------------------------------------------------ */

/* header.post as it must be before it may destroy anything. */
static int check_post(const struct place *place, const struct site *site)
{
	const struct luks_where where = { site->post, place->device };
	struct luks_status status;
	uint64_t bytes = 0;
	int r;

	r = luks_look(&where, &status);
	if (r == 0 && status.is_luks2)
		r = luks_header_bytes(&where, &bytes);
	if (r < 0)
		return r;
	if (!status.is_luks2 || strcmp(status.uuid, place->luks_uuid) != 0 ||
	    !status.is_reencrypting || status.payload_bytes != place->payload_bytes ||
	    status.data_offset_bytes != place->shift_bytes || bytes != place->shift_bytes ||
	    status.parked_offset_bytes != site->device_bytes - place->shift_bytes)
		return fail(-EBADMSG, "%s is not the header that belongs on %s", site->post,
			    place->device);
	return 0;
}

/* A range of header.post to its place, flushed. */
static int put(const struct site *site, int post, uint64_t offset, uint64_t len)
{
	int r = region_copy(post, offset, site->device, offset, len);

	return r < 0 ? r : region_flush(site->device);
}

static int clear(const struct site *site, uint64_t len)
{
	int r = region_zero(site->device, 0, len);

	return r < 0 ? r : region_flush(site->device);
}

static int write_header(const struct place *place, const struct site *site, int post)
{
	int r;

	r = clear(site, FIRST_BYTES);
	if (r < 0)
		return r;
	/* cut: neither filesystem nor LUKS: nothing will "repair" or mount it; the head is parked
	 */
	reach(place, "superblock-zeroed");
	r = clear(site, CLEARED_BYTES);
	if (r < 0)
		return r;
	/* cut: the same; no primary header can be half there */
	reach(place, "copy-zeroed");
	r = put(site, post, 2 * COPY_BYTES, place->shift_bytes - 2 * COPY_BYTES);
	if (r < 0)
		return r;
	/* cut: the same; a header that appears from here on finds its keyslots whole */
	reach(place, "slots-written");
	r = put(site, post, COPY_BYTES + BINARY_BYTES, COPY_BYTES - BINARY_BYTES);
	if (r < 0)
		return r;
	/* cut: the same; what makes it a header is one sector, written whole or not at all */
	reach(place, "secondary-text-written");
	r = put(site, post, COPY_BYTES, BINARY_BYTES);
	if (r < 0)
		return r;
	/* cut: LUKS2 by its secondary header alone; it opens, all of it linear */
	reach(place, "secondary-written");
	r = put(site, post, 0, COPY_BYTES);
	if (r < 0)
		return r;
	/* cut: LUKS2, whole, all of it linear; no marker, so compared and written once more */
	reach(place, "primary-written");
	return 0;
}

static int compare_header(const struct place *place, const struct site *site, int post, bool *ret)
{
	return region_equal(site->device, 0, post, 0, place->shift_bytes, ret);
}

static int write_and_compare(const struct place *place, const struct site *site)
{
	CLEANUP_CLOSE int post = -1;
	bool is_same = false;
	int r;

	r = region_open(site->post, O_RDONLY, &post);
	if (r == 0)
		r = compare_header(place, site, post, &is_same);
	if (r < 0 || is_same)
		return r < 0 ? r : region_flush(site->device);
	r = write_header(place, site, post);
	if (r == 0)
		r = compare_header(place, site, post, &is_same);
	if (r == 0 && !is_same)
		r = fail(-EIO,
			 "%s: the header reads back differently: the device is not reliable. Its "
			 "old "
			 "head is safe behind the payload; boot again to retry",
			 place->device);
	return r;
}

int place_write(const struct place *place)
{
	CLEANUP_SITE struct site site = SITE_EMPTY;
	int r;

	r = site_open(place, &site);
	if (r == 0)
		r = check_post(place, &site);
	if (r == 0)
		r = write_and_compare(place, &site);
	if (r < 0)
		return r;
	/* cut: as before; the next boot compares again and finds nothing to write */
	reach(place, "compared");
	r = file_replace_text(site.marker, place->luks_uuid, 0600);
	if (r < 0)
		return r;
	settle(place);
	/* cut: LUKS2, all of it linear, and header.post is history */
	reach(place, "marked");
	return 0;
}

/* --- first chunk ------------------------------------------------------------------------------ */

static bool stop_after_one(uint64_t done_bytes, uint64_t total_bytes UNUSED, void *userdata UNUSED)
{
	return done_bytes > 0;
}

int place_first_chunk(const struct place *place, const struct secret *volume_key)
{
	const struct luks_where where = { place->device, NULL };
	struct luks_status status;
	int r;

	if (!place_has_marker(place->state_dir))
		return fail(-EPERM, "no chunk may be written before the marker is");
	r = luks_look(&where, &status);
	if (r < 0)
		return r;
	if (!status.is_luks2 || strcmp(status.uuid, place->luks_uuid) != 0)
		return fail(-EBADMSG, "%s has no LUKS2 header of ours", place->device);
	if (status.is_first_chunk_done)
		return 0;
	r = luks_reencrypt_run(&(struct luks_run){
		.device = place->device, .volume_key = volume_key, .progress = stop_after_one });
	if (r < 0)
		return r;
	/* cut inside: the header names the hot chunk; the next resume or activation writes it again
	 */
	reach(place, "chunk-done");
	return 0;
}
