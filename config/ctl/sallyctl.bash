# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Completion for bash: source it, or install it as /usr/share/bash-completion/completions/sallyctl.

# The words of the first column of a list, asked of the daemon that the command line means.
_sallyctl_names() { # WORD OF A COMMAND...
	sallyctl "${_sallyctl_socket[@]}" "$@" 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_sallyctl_generations() {
	sallyctl "${_sallyctl_socket[@]}" generations 2>/dev/null | awk 'NR > 1 { sub(/^\*/, ""); print $1 }'
}

_sallyctl() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i words=()
	local _sallyctl_socket=()
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket) i=$((i + 1)) && _sallyctl_socket=(-s "${COMP_WORDS[i]}") ;;
		-g | -k | -t | --if-match | --key | --tx) i=$((i + 1)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	case $previous in
	--chain | --key | --passphrase-file | --ocsp | --file | -s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--listener)
		mapfile -t COMPREPLY < <(compgen -W "$(_sallyctl_names listener list)" -- "$word")
		return
		;;
	esac
	local list=
	case "${words[*]}" in
	'') list='status cert listener backend policy trust-store mtls log config expiring reload diff generations rollback connections workers stats drain tickets tx
		--socket --json --dry-run --if-match --key --tx --help --version' ;;
	cert) list='list show add replace remove explain' ;;
	listener) list='list show set remove associate dissociate default' ;;
	backend) list='list show set remove target' ;;
	policy) list='list show set remove' ;;
	trust-store) list='list show set remove bundle revocations revoke unrevoke' ;;
	mtls) list='list set' ;;
	log) list=tail ;;
	'log tail'*) list='-n -f' ;;
	tickets) list='rotate put' ;;
	tx) list='begin commit abort' ;;
	stats) list=--watch ;;
	rollback) list=$(_sallyctl_generations) ;;
	'cert show' | 'cert replace' | 'cert remove') list=$(_sallyctl_names cert list) ;;
	'cert add '* | 'cert replace '*) list='--chain --key --passphrase-file --ocsp --names --force' ;;
	'cert remove '*) list=--everywhere ;;
	'cert explain'*) list='--listener --sigalgs --versions' ;;
	'listener show' | 'listener set' | 'listener remove' | 'listener associate' | 'listener dissociate' | 'listener default')
		list=$(_sallyctl_names listener list) ;;
	'listener associate '* | 'listener dissociate '* | 'listener default '*)
		list=$(_sallyctl_names cert list) ;;
	'mtls set') list=$(_sallyctl_names listener list) ;;
	'mtls set '*)
		case ${#words[@]} in
		3) list='off verify passthrough' ;;
		*) list='--sni trust_store= ignore_expiry=true advertise_ca_names=false' ;;
		esac
		;;
	'backend target') list='weight drain undrain add remove' ;;
	'backend show' | 'backend set' | 'backend remove' | 'backend target '[a-z]*)
		[ ${#words[@]} -le 3 ] && list=$(_sallyctl_names backend list) ;;
	'policy show') list=$(_sallyctl_names policy list) ;;
	'policy set' | 'policy remove') list=$(_sallyctl_names policy list | grep -v -e '^ELBSecurityPolicy-' -e '^tls_cipher_policy_') ;;
	'trust-store unrevoke '*) list=$(_sallyctl_names trust-store revocations "${words[2]}") ;;
	'trust-store bundle '* | 'trust-store revoke '*)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	'trust-store show' | 'trust-store set' | 'trust-store remove' | 'trust-store bundle' | 'trust-store revo'* | 'trust-store unrevoke')
		list=$(_sallyctl_names trust-store list) ;;
	'listener set '* | 'policy set '* | 'trust-store set '*) list=--file ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$list --help" -- "$word")
}
complete -F _sallyctl sallyctl
