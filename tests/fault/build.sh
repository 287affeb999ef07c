# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by crash.sh after tests/lib.sh: builds the program "crash" with the libraries of the static
# build, and its variants with one seeded bug each (bugs/*.patch, applied to a copy of the source:
# nothing of them is in the product).

# One a line: of machines that can be rebuilt by the thousand.
fault_sizes="-DPLACE_SHIFT_LEAST_BYTES=MIB
-DPAYLOAD_LEAST_BYTES=(4 * MIB)
-DPAYLOAD_SLACK_BYTES=MIB"
fault_prefix=build/static/x86_64-musl/prefix
fault_build=build/fault
fault_sources="tests/fault/crash.c tests/fault/enumerate.c tests/fault/gpt.c tests/fault/image.c tests/fault/judge.c
	tests/fault/judge_boots.c tests/fault/judge_grub.c tests/fault/judge_mend.c tests/fault/judge_wipe.c tests/fault/machine.c
	tests/fault/record.c tests/fault/record_calls.c tests/fault/scenario.c tests/fault/setup.c
	tests/fault/setup_grub.c tests/fault/states.c tests/fault/world.c tests/fault/world_disk.c
	tests/fault/world_phases.c
	bootstrap/block.c bootstrap/boot_act.c bootstrap/boot_cut.c bootstrap/boot_look.c bootstrap/boot_mount.c
	bootstrap/boot_sizes.c
	bootstrap/boot_step.c bootstrap/boot_table.c bootstrap/free_space.c bootstrap/free_space_run.c bootstrap/fs.c
	bootstrap/fs_ext4.c bootstrap/fs_ext4_layout.c bootstrap/fs_ext4_parse.c bootstrap/fs_ext4_superblock.c
	bootstrap/gate.c bootstrap/grub.c
	bootstrap/grub_core.c bootstrap/grub_switch.c bootstrap/hot_chunk.c bootstrap/intent.c bootstrap/luks.c bootstrap/luks_json.c
	bootstrap/luks_look.c bootstrap/luks_next.c bootstrap/luks_reencrypt.c bootstrap/luks_token.c bootstrap/cipher.c
	bootstrap/mount.c bootstrap/pace.c bootstrap/phases/wipe.c bootstrap/place.c bootstrap/progress.c
	bootstrap/progress_file.c bootstrap/redo.c bootstrap/redo_log.c bootstrap/region.c bootstrap/spawn.c
	bootstrap/spawn_program.c bootstrap/spawn_sink.c bootstrap/stop.c bootstrap/table.c
	bootstrap/table_copy.c bootstrap/throttle.c bootstrap/view.c bootstrap/view_blocks.c
	bootstrap/view_filter.c bootstrap/wiped.c bootstrap/wish.c
	$(echo common/*.c)"
fault_wraps=$(printf ',--wrap=%s' file_read secret_read_file execve block_find \
	block_wait block_probe block_parent mount_device mount_remove \
	view_open spawn_run file_exists ioctl open stat poll place_park place_first_chunk \
	crypt_benchmark_pbkdf_internal crypt_random_get)

# fault_compile SOURCE OBJECT
fault_compile() {
	local -a sizes
	mapfile -t sizes <<<"$fault_sizes"
	mkdir -p "$(dirname "$2")"
	"$fault_prefix/bin/musl-gcc" -std=gnu11 -O2 -g -fPIE -Wall -Wextra -Wno-missing-field-initializers \
		-ftrivial-auto-var-init=zero -I. \
		-isystem "$fault_prefix/usr/include/blkid" -isystem "$fault_prefix/usr/include/libmount" -D_GNU_SOURCE \
		-DPANOCRYPT_VERSION='"test"' -DRUN_DIR='"run"' -ffunction-sections "${sizes[@]}" -c -o "$2" "$1"
}

# fault_link PROGRAM OBJECT…
fault_link() {
	local program=$1
	shift
	"$fault_prefix/bin/musl-gcc" -static-pie -o "$program" "$@" -Wl,--gc-sections"$fault_wraps" \
		-Wl,--whole-archive -ljose -Wl,--no-whole-archive -Wl,--start-group -lcryptsetup \
		-ldevmapper -ljson-c -lfdisk -lmount -lblkid -luuid -lcurl -lssl -lcrypto -ljansson -lz \
		-Wl,--end-group -lpthread -lm
}

# fault_build_program: build/fault/crash
fault_build_program() {
	local source
	[ -x "$fault_prefix/bin/musl-gcc" ] ||
		skip "no libcryptsetup 2.8 here: make static-libs builds it"
	export fault_prefix fault_build fault_sizes
	export -f fault_compile
	fault_objects=()
	for source in $fault_sources; do
		fault_objects+=("$fault_build/${source%.c}.o")
	done
	# shellcheck disable=SC2016,SC2086 # the inner shell's; a list of names
	printf '%s\n' $fault_sources | xargs -P "$(nproc)" -I{} bash -c \
		'source={}; fault_compile "$source" "$fault_build/${source%.c}.o"' ||
		die "the program for crash states doesn't build"
	fault_link "$fault_build/crash" "${fault_objects[@]}" || die "the program doesn't link"
}

# fault_build_bug NAME: build/fault/crash-NAME, with bugs/NAME.patch in it.
fault_build_bug() {
	local name=$1 tree=$fault_build/bug-$1 source objects=() object
	rm -rf "$tree"
	mkdir -p "$tree"
	cp -r bootstrap common tests "$tree" 2>/dev/null
	patch -s -d "$tree" -p1 <"tests/fault/bugs/$name.patch" || return 1
	objects=("${fault_objects[@]}")
	# shellcheck disable=SC2013 # names without spaces
	for source in $(sed -n 's|^+++ b/||p' "tests/fault/bugs/$name.patch"); do
		object=$tree/${source%.c}.o
		# shellcheck disable=SC2030 # as wanted
		(cd "$tree" && fault_prefix=$OLDPWD/$fault_prefix &&
			fault_compile "$source" "${source%.c}.o") || return 1
		objects=("${objects[@]/#$fault_build\/${source%.c}.o/$object}")
	done
	fault_link "$fault_build/crash-$name" "${objects[@]}"
}

# The files of the boot step, and of what it does to a disk, whose calls fail.
fault_failing="boot_act boot_cut boot_look boot_sizes boot_table fs_ext4 place redo redo_log table table_copy"

# fault_build_failing: build/fault/crash-failing, of the same objects as the program.
# shellcheck disable=SC2031 # where fault_prefix differs is a subshell
fault_build_failing() {
	local folder=$fault_build/failing-calls objects=() failing=() object name
	for object in "${fault_objects[@]}"; do
		name=$(basename "$object" .o)
		case " $fault_failing " in
		*" $name "*) failing+=("$object") ;;
		*) objects+=("$object") ;;
		esac
	done
	rm -rf "$folder"
	tools/failing-calls "$folder" "${failing[@]}" &&
		"$fault_prefix/bin/musl-gcc" -c -o "$folder/calls.o" "$folder/calls.S" &&
		fault_compile "$folder/table.c" "$folder/table.o" &&
		fault_compile tests/unit/failing.c "$fault_build/tests/unit/failing.o" &&
		fault_compile tests/fault/failing.c "$fault_build/tests/fault/failing.o" || return 1
	fault_wraps=$fault_wraps$(printf ',--wrap=%s' read write pread pwrite fsync fdatasync syncfs \
		spawn_status spawn_text view_watch) \
		fault_link "$fault_build/crash-failing" "${objects[@]}" "$folder"/*.o \
		"$fault_build/tests/unit/failing.o" "$fault_build/tests/fault/failing.o"
}
