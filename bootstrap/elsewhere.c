/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See elsewhere.h. Firmwares write the letters in both cases.
 */
#include "bootstrap/elsewhere.h"

#include <strings.h>

bool is_elsewhere(const struct intent *intent, const struct facts *facts)
{
	return intent->product_uuid[0] && facts->product_uuid[0] &&
	       strcasecmp(intent->product_uuid, facts->product_uuid) != 0;
}
