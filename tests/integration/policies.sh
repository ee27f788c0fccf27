#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# nmap and sslscan find of policies what tests/policies.txt says, no more and no less, in that order; each policy is put in
# place by a reload.
. tests/integration/lib.sh
config=$lab/integration.cfg
cp "$config" "$lab/integration.cfg.kept"
trap 'cp "$lab/integration.cfg.kept" "$config"; scripts/lab reload' EXIT

serve() { # POLICY: on port 9142
	awk -v policy="$1" '/name = "policy"/ { ours = 1 } ours && /policy = / { sub(/policy = "[^"]*"/, "policy = \"" policy "\""); ours = 0 } 1' \
		"$lab/integration.cfg.kept" >"$config"
	local before
	before=$(counter generation)
	scripts/lab reload
	wait_for 10 more_than generation "$before"
}

scan() { # SCANNER POLICY COMMAND...
	local scanner=$1 policy=$2
	shift 2
	in_client timeout 120 "$@" >"$lab/$scanner.out" 2>&1
	python3 $here/policies.py "$scanner" "$policy" tests/policies.txt "$lab/$scanner.out"
}

for policy in ELBSecurityPolicy-TLS13-1-2-Res-2021-06 ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06 \
	ELBSecurityPolicy-FS-1-2-2019-08 ELBSecurityPolicy-TLS13-1-3-2021-06 ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04 \
	tls_cipher_policy_1_2; do
	try "${policy}_is_served" serve $policy
	try "nmap_agrees_with_$policy" scan nmap $policy \
		nmap -Pn -n --script ssl-enum-ciphers -p 9142 10.80.0.1
	try "sslscan_agrees_with_$policy" scan sslscan $policy \
		sslscan --no-colour --no-check-certificate --no-heartbleed --sni-name=www.lab.test --tlsall 10.80.0.1:9142
done
