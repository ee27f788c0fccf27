/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/target.h"

const char *target_tls_name(enum target_tls result)
{
	static const char *const names[TARGET_TLS_CERT] = {
		[TARGET_TLS_FULL] = "full",
		[TARGET_TLS_RESUMED] = "resumed",
		[TARGET_TLS_TIMEOUT] = "timeout",
		[TARGET_TLS_CLOSED] = "closed",
		[TARGET_TLS_ALERT] = "alert",
		[TARGET_TLS_PROTOCOL] = "protocol",
		[TARGET_TLS_LOCAL] = "local",
	};

	return result < TARGET_TLS_CERT
	    ? names[result]
	    : server_cert_status_name((enum client_cert_status)(result - TARGET_TLS_CERT));
}
