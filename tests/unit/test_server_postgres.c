/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What only the PostgreSQL back end has: which places it takes, locks between nodes, lost and
 * silent connections. tools/run-unit starts the server; what both back ends must do is in
 * test_server_store.c, what becomes of the database's schema in test_server_schema_postgres.c.
 * UNIT_SOURCES: server/cidr.c server/config*.c server/reason.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/parts.c server/core/throttle.c
 * UNIT_SOURCES: server/core/epoch.c server/core/kek.c server/core/pkcs11.c server/store/?*.c
 * UNIT_SOURCES: server/rate.c server/waiver.c
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>

#include "server/store/db.h"
#include "tests/unit/server_fixture.h"

struct pair {
	struct fixture *fixture;
	struct db *a, *b; /* two nodes */
};

static int open_pair(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	void *fixture;

	assert_non_null(pair);
	assert_int_equal(fixture_set_up(&fixture), 0);
	pair->fixture = fixture;
	assert_ok(db_open(postgres_url(), false, &pair->a));
	assert_ok(db_open(postgres_url(), false, &pair->b));
	*state = pair;
	return 0;
}

static int close_pair(void **state)
{
	struct pair *pair = *state;
	void *fixture = pair->fixture;

	db_close(pair->a);
	db_close(pair->b);
	free(pair);
	return fixture_tear_down(&fixture);
}

/* --- places ---------------------------------------------------------------------------------- */

static void refuses_places(void **state)
{
	static const struct {
		const char *url;
		int r;
		const char *said;
	} rows[] = {
		{ "postgresql://a:secret@/b?host=/tmp", -EINVAL, "a password doesn't belong" },
		{ "postgresql://a@/b?host=/tmp&password=secret", -EINVAL, "a password doesn't" },
		{ "postgresql://a@/b?host=/tmp&sslpassword=secret", -EINVAL, "a password doesn't" },
		{ "postgresql://a@/b?host=/tmp&passfile=/nonexistent", -EACCES, "/nonexistent" },
		{ "postgresql://a@127.0.0.1/b", -EINVAL, "sslmode=verify-full" },
		{ "postgresql://a@localhost,127.0.0.1/b", -EINVAL, "sslmode=verify-full" },
		{ "postgresql://a@/b?hostaddr=127.0.0.1", -EINVAL, "sslmode=verify-full" },
		{ "postgresql://a@no.such.host.invalid/b?sslmode=disable", -ENOENT,
		  "no.such.host.invalid has no address" },
		{ "postgresql://a@/b?host=/tmp&colour=green", -EINVAL, "colour" },
		{ "postgresql://a@[/b", -EINVAL, "isn't understood" },
		{ "postgresql://a@/b?host=/nonexistent", -EBUSY, "/nonexistent" },
		{ "postgresql://a@127.0.0.1:1/b?sslmode=disable", -EBUSY, "port 1" },
	};
	struct db *db = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = db_open(rows[i].url, false, &db);

		if (r != rows[i].r)
			fail_msg("%s: %d, %s", rows[i].url, r, fail_text());
		assert_said(rows[i].said);
		assert_null(strstr(fail_text(), "secret"));
	}
	assert_null(db);
}

static void refuses_careless_databases(void **state)
{
	struct db *db = NULL;
	PGconn *connection = postgres_connect();

	(void)state;
	PQclear(postgres_run(connection, "ALTER ROLE CURRENT_USER SET synchronous_commit = off"));
	assert_int_equal(db_open(postgres_url(), false, &db), -EINVAL);
	assert_said("synchronous_commit = off");
	PQclear(postgres_run(connection, "ALTER ROLE CURRENT_USER RESET synchronous_commit"));
	PQfinish(connection);
	assert_null(db);
}

static void takes_one_writer_of_a_name(void **state)
{
	struct pair *pair = *state;
	struct db *third = NULL;

	assert_ok(db_claim(pair->a, "core@a"));
	assert_ok(db_claim(pair->b, "core@b"));
	assert_ok(db_open(postgres_url(), false, &third));
	assert_int_equal(db_claim(third, "core@a"), -EBUSY);
	assert_said("another \"core@a\"");
	db_close(third);
	db_close(pair->a);
	assert_ok(db_open(postgres_url(), false, &pair->a));
	assert_ok(db_claim(pair->a, "core@a"));
}

/* --- values ---------------------------------------------------------------------------------- */

static int check_values(const struct db_row *row, void *userdata)
{
	size_t len;
	const void *bytes = db_blob(row, 3, &len);

	assert_true(db_number(row, 0) == (1ULL << 62) + 1);
	assert_true(db_real(row, 1) == 12.5);
	assert_string_equal(db_text(row, 2), "äö'\\");
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "\0\xff\\", 3);
	assert_int_equal(db_number(row, 4), 0);
	assert_string_equal(db_text(row, 4), "");
	db_blob(row, 4, &len);
	assert_int_equal(len, 0);
	assert_int_equal(db_number(row, 5), 7);
	assert_int_equal(db_number(row, 6), 0);
	assert_int_equal(db_number(row, 7), 1);
	assert_int_equal(db_number(row, 8), 0);
	++*(int *)userdata;
	return 0;
}

static void carries_values(void **state)
{
	static const char sql[] = "SELECT $1, $2, $3, $4, CAST($5 AS BYTEA), 7, CAST(-1 AS BIGINT),"
				  " EXISTS (SELECT 1), 1 > 2";
	struct pair *pair = *state;
	uint64_t number;
	int rows = 0;

	for (int i = 0; i < 2; i++)
		assert_ok(db_query(pair->a, sql,
				   DB_ARGS(DB_NUMBER((1ULL << 62) + 1), DB_REAL(12.5),
					   DB_TEXT("äö'\\"), DB_BLOB("\0\xff\\", 3), DB_NULL),
				   check_values, &rows));
	assert_int_equal(rows, 2);
	assert_int_equal(db_run(pair->a, "SELECT $1", DB_ARGS(DB_TEXT("\xff"))), -EINVAL);
	assert_said("UTF-8");
	assert_int_equal(db_run(pair->a, "SELECT CAST(1 AS NUMERIC)", DB_NO_ARGS), -EINVAL);
	assert_said("CAST");
	assert_ok(db_now(pair->a, &number));
	assert_true(number + 5 > (uint64_t)time(NULL) && number < (uint64_t)time(NULL) + 5);
}

/* --- transactions ---------------------------------------------------------------------------- */

#define ADD "INSERT INTO setting (name, value) VALUES ($1, 'x')"
#define COUNT "SELECT count(*) FROM setting WHERE name IN ('one', 'two')"

static void goes_on_after_a_conflict(void **state)
{
	struct pair *pair = *state;

	assert_ok(db_begin(pair->a));
	assert_ok(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("one"))));
	assert_int_equal(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("one"))), DB_CONFLICT);
	assert_ok(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("two"))));
	assert_int_equal(db_changes(pair->a), 1);
	assert_ok(db_commit(pair->a));
	assert_int_equal(postgres_sql(COUNT), 2);
}

/* COMMIT of a transaction that has failed is no error for PostgreSQL. */
static void never_confirms_what_failed(void **state)
{
	struct pair *pair = *state;

	assert_ok(db_begin(pair->a));
	assert_ok(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("one"))));
	assert_int_equal(db_run(pair->a, "INSERT INTO nowhere VALUES (1)", DB_NO_ARGS), -EIO);
	assert_true(db_commit(pair->a) < 0);
	assert_int_equal(postgres_sql(COUNT), 0);
	assert_ok(db_begin(pair->a));
	assert_int_equal(db_begin(pair->a), -EINVAL);
	db_rollback(pair->a);
	db_rollback(pair->a);
}

static uint64_t changes(struct db *db)
{
	uint64_t number;

	assert_ok(db_changes_of_others(db, &number));
	return number;
}

static void locks_by_key(void **state)
{
	static const uint64_t left[] = { 1, 2, 2, 1 }, right[] = { 3, 4 }, both[] = { 3, 2 };
	struct pair *pair = *state;
	uint64_t before = changes(pair->a);

	assert_ok(db_begin_keyed(pair->a, left, ARRAY_SIZE(left)));
	assert_ok(db_begin_keyed(pair->b, right, ARRAY_SIZE(right)));
	assert_int_equal(changes(pair->a), before);
	assert_ok(db_commit(pair->b));
	assert_int_equal(db_begin_keyed(pair->b, both, ARRAY_SIZE(both)), -EBUSY);
	assert_said("another process");
	assert_ok(db_commit(pair->a));
	assert_ok(db_begin_keyed(pair->a, left, ARRAY_SIZE(left)));
	assert_int_equal(db_begin(pair->b), -EBUSY);
	assert_said("another process");
	assert_ok(db_commit(pair->a));
	assert_ok(db_begin_keyed(pair->a, left, ARRAY_SIZE(left)));
	assert_int_equal(db_begin_reading(pair->b), -EBUSY);
	assert_ok(db_commit(pair->a));
	assert_ok(db_begin_reading(pair->b));
	db_rollback(pair->b);
	/* Nothing of this was a change; then there is one. */
	assert_int_equal(changes(pair->a), before);
	assert_ok(db_begin(pair->b));
	assert_int_equal(db_begin_keyed(pair->a, NULL, 0), -EBUSY);
	assert_ok(db_commit(pair->b));
	assert_int_not_equal(changes(pair->a), before);
}

/* --- trouble --------------------------------------------------------------------------------- */

#define END_ALL                                                                                    \
	"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> "               \
	"pg_backend_pid()"                                                                         \
	" AND application_name = 'panocryptd'"

static void connects_again(void **state)
{
	struct pair *pair = *state;
	uint64_t number;

	assert_ok(db_claim(pair->a, "core@a"));
	assert_ok(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("one"))));
	postgres_sql(END_ALL);
	assert_ok(db_now(pair->a, &number));
	postgres_sql(END_ALL);
	assert_ok(db_begin(pair->a));
	assert_ok(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("two"))));
	assert_ok(db_commit(pair->a));
	assert_int_equal(postgres_sql(COUNT), 2);
	/* The new connection has the writer's lock again. */
	assert_int_equal(postgres_sql("SELECT count(*) FROM pg_locks WHERE classid = 1886481008"),
			 1);
}

static void undoes_what_was_cut(void **state)
{
	struct pair *pair = *state;

	assert_ok(db_begin(pair->a));
	assert_ok(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("one"))));
	postgres_sql(END_ALL);
	assert_int_equal(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("two"))), -EBUSY);
	/* Not on a new connection, where it would stand alone. */
	assert_int_equal(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("two"))), -EBUSY);
	assert_said("middle of a transaction");
	assert_int_equal(db_commit(pair->a), -EBUSY);
	assert_int_equal(postgres_sql(COUNT), 0);
	assert_ok(db_begin(pair->a));
	assert_ok(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("two"))));
	assert_ok(db_commit(pair->a));
	assert_int_equal(postgres_sql(COUNT), 1);
}

/* A node that stands still in a transaction doesn't hold the others up for ever. */
static void outlives_a_node_that_stands_still(void **state)
{
	struct pair *pair = *state;
	int r = -EBUSY;

	assert_ok(db_begin(pair->a));
	assert_ok(db_run(pair->a, ADD, DB_ARGS(DB_TEXT("one"))));
	for (int i = 0; r == -EBUSY && i < 20; i++)
		r = db_begin(pair->b);
	assert_ok(r);
	assert_ok(db_commit(pair->b));
	assert_int_equal(db_commit(pair->a), -EBUSY);
	assert_int_equal(postgres_sql(COUNT), 0);
}

/* Somebody who accepts connections and says nothing. */
static int listen_in_silence(uint16_t *ret_port)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return listener;
}

static void gives_silence_up(void **state)
{
	time_t start = time(NULL);
	struct db *db = NULL;
	char url[100];
	uint16_t port;
	int listener = listen_in_silence(&port);

	(void)state;
	snprintf(url, sizeof(url), "postgresql://a@127.0.0.1:%u/b?sslmode=disable", port);
	assert_int_equal(db_open(url, false, &db), -EBUSY);
	assert_said("doesn't answer");
	assert_true(time(NULL) - start >= 2 && time(NULL) - start < 15);
	close(listener);
}

/* The next address is tried, and the one that answered is the first from then on. */
static void takes_the_address_that_answers(void **state)
{
	PGconn *connection = postgres_connect();
	char url[300], folder[200] = "";
	struct db *db = NULL;
	uint64_t number;
	time_t start;
	uint16_t port;
	int listener = listen_in_silence(&port);

	(void)state;
	for (const char *c = PQhost(connection); *c; c++)
		snprintf(folder + strlen(folder), sizeof(folder) - strlen(folder),
			 *c == '/' ? "%%2F" : "%c", *c);
	snprintf(url, sizeof(url), "postgresql://%s@127.0.0.1:%u,%s:%s/%s?sslmode=disable",
		 PQuser(connection), port, folder, PQport(connection), PQdb(connection));
	assert_ok(db_open(url, false, &db));
	assert_int_equal(db_reach(db), PROCESS_REACH_NETWORK);
	postgres_sql(END_ALL);
	start = time(NULL);
	assert_ok(db_now(db, &number));
	assert_true(time(NULL) - start <= 1);
	db_close(db);
	PQfinish(connection);
	close(listener);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)
#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_places),
		cmocka_unit_test(gives_silence_up),
		WITH_FIXTURE(takes_the_address_that_answers),
		WITH_FIXTURE(refuses_careless_databases),
		WITH_PAIR(takes_one_writer_of_a_name),
		WITH_PAIR(carries_values),
		WITH_PAIR(goes_on_after_a_conflict),
		WITH_PAIR(never_confirms_what_failed),
		WITH_PAIR(locks_by_key),
		WITH_PAIR(connects_again),
		WITH_PAIR(undoes_what_was_cut),
		WITH_PAIR(outlives_a_node_that_stands_still),
	};

	if (!postgres_url()) {
		puts("1..0 # SKIP PANOCRYPT_TEST_STORE names no database: run tools/run-unit");
		return 77;
	}
	return cmocka_run_group_tests_name("server_postgres", tests, NULL, NULL);
}
