# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# libdevmapper, without udev: it makes its own nodes and sends no cookies, so the root device is
# activated by the distribution's tools and not with this.
package='lvm2'
needs='musl'

build() {
	# shellcheck disable=SC2046 # words
	./configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
		--enable-static_link --enable-pkgconfig \
		$(printf -- '--disable-%s ' udev_sync udev_rules selinux readline blkid_wiping) \
		$(printf -- '--disable-%s ' dmeventd dmfilemapd lvmpolld lvmlockd-sanlock notify-dbus) \
		$(printf -- '--without-%s ' blkid udev systemd libnvme)
	make -C include
	make ${jobs:+"$jobs"} -C libdm ioctl/libdevmapper.a
	make -C libdm libdevmapper.pc || true
	install -m 644 libdm/ioctl/libdevmapper.a "$stage/usr/lib/"
	install -m 644 libdm/libdevmapper.h "$stage/usr/include/"
	# cryptsetup's configure asks for either name.
	install -D -m 644 libdm/libdevmapper.pc "$stage/usr/lib/pkgconfig/libdevmapper.pc"
	cp "$stage/usr/lib/pkgconfig/libdevmapper.pc" "$stage/usr/lib/pkgconfig/devmapper.pc"
}
