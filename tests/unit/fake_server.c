/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See fake_machine.h: the unlock server, and what phases say to people. Advertisements are signed
 * for real.
 */
#include "bootstrap/gate.h"
#include "bootstrap/place.h"
#include "bootstrap/report.h"
#include "bootstrap/stop.h"
#include "bootstrap/wiped.h"
#include "common/file.h"
#include "common/http_client.h"
#include "common/jwk.h"
#include "common/strbuf.h"

#include "tests/unit/fake_machine.h"
#include "tests/unit/unit.h"

#include <string.h>

#define DEVICE "00112233445566778899aabbccddeeff"

static char *advertisement;
static char thumbprint[JWK_THUMBPRINT_SIZE];

static void advertise(void)
{
	CLEANUP_JSON json_t *sign = NULL, *exchange = NULL, *keys = NULL, *jws = NULL;
	json_t *public_sign = NULL, *public_exchange = NULL;

	assert_ok(jwk_generate("ES512", &sign));
	assert_ok(jwk_generate("ECMR", &exchange));
	assert_ok(jwk_public(sign, &public_sign));
	assert_ok(jwk_public(exchange, &public_exchange));
	assert_ok(jwk_thumbprint(sign, thumbprint));
	keys = json_pack("{s:[o,o]}", "keys", public_sign, public_exchange);
	assert_ok(jwk_advertise(&sign, 1, keys, &jws));
	assert_ok(js_print(jws, &advertisement));
}

int http_exchange(const struct http_request *request, struct http_answer *ret)
{
	if (!advertisement)
		advertise();
	*ret = (struct http_answer){ .status = 200 };
	if (strcmp(request->method, "GET") == 0)
		ret->body = strdup(advertisement);
	else
		assert_ok(text_format(&ret->body,
				      "{\"device\":\"" DEVICE "\",\"url\":\"https://unlock."
				      "example.com:8443/d/" DEVICE
				      "\",\"thumbprint\":\"%s\",\"report_token\":\"0123\"}",
				      thumbprint));
	ret->body_len = strlen(ret->body);
	return 0;
}

void http_answer_done(struct http_answer *answer)
{
	free(TAKE_PTR(answer->body));
}

int http_answer_check(const struct http_answer *answer, const char *what UNUSED)
{
	return answer->status == 200 ? 0 : -EPROTO;
}

/* --- reports, pace, wishes -------------------------------------------------------------------- */

void (*machine_at_phase)(const char *phase);

void report_progress(struct reporter *reporter UNUSED, const char *phase, enum report_state state,
		     double percent UNUSED, const char *message UNUSED)
{
	if (state == REPORT_RUNNING && machine_at_phase)
		machine_at_phase(phase);
}

int report_evidence(struct reporter *reporter UNUSED, const json_t *evidence)
{
	assert_true(json_is_object(evidence));
	return 0;
}

void pace_start(struct pace *pace UNUSED, const struct job *job UNUSED, const char *phase UNUSED,
		uint64_t total_bytes UNUSED)
{
}

void pace_total(struct pace *pace UNUSED, uint64_t total_bytes UNUSED)
{
}

void pace_step(struct pace *pace UNUSED, uint64_t done_bytes UNUSED)
{
}

void pace_wait(struct pace *pace UNUSED, const char *waiting UNUSED)
{
}

void gate_open(struct gate *gate UNUSED, struct pace *pace UNUSED, const char *state_dir UNUSED,
	       const char *device UNUSED)
{
}

void gate_close(struct gate *gate UNUSED)
{
}

struct wish gate_wish(const struct gate *gate UNUSED)
{
	return (struct wish){ .is_paused = false };
}

bool gate_pass(struct gate *gate UNUSED, uint64_t bytes UNUSED, uint64_t own_bytes UNUSED)
{
	return false;
}

void stop_on_signals(void)
{
}

bool stop_wanted(void)
{
	return false;
}

bool stop_wait(unsigned seconds UNUSED)
{
	return false;
}

/* --- small parts of larger files -------------------------------------------------------------- */

bool place_has_marker(const char *state_dir)
{
	char path[FAKE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/" MARKER_FILE, state_dir);
	return file_exists(path);
}

int wiped_range(uint64_t device_bytes, uint64_t shift_bytes, uint64_t payload_bytes UNUSED,
		uint64_t filesystem_bytes, struct wiped_range *ret)
{
	*ret = (struct wiped_range){ shift_bytes + filesystem_bytes, device_bytes };
	return 0;
}
