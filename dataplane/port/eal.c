/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/port/port.h"

#define DEFAULT_MEMORY_MB 1024
#define MAX_DEFAULTS      16
#define MAX_BONDED        32 /* members of bonds: DPDK's RTE_MAX_ETHPORTS */
#define TEXT_SIZE         4096

/* EAL keeps pointers into its arguments: they live as long as the process. */
struct eal_args {
	char **argv;
	int argc, max;        /* of ours; the operator's come behind them */
	char text[TEXT_SIZE]; /* our own arguments, one after the other */
	size_t used;
};

/* True when the operator gave option, alone or as option=value. */
static bool is_given(const struct eal_config *config, const char *option)
{
	size_t n = strlen(option);

	for (unsigned i = 0; i < config->n_args; i++) {
		const char *arg = config->args[i];

		if (strncmp(arg, option, n) != 0)
			continue;
		/* "-m512" is -m too, "--no-hugely" is not --no-huge. */
		if (arg[n] == '\0' || arg[n] == '=' || option[1] != '-')
			return true;
	}
	return false;
}

static bool any_given(const struct eal_config *config, const char *const *options)
{
	for (; *options != NULL; options++)
		if (is_given(config, *options))
			return true;
	return false;
}

__attribute__((format(printf, 2, 3))) static void add(struct eal_args *a, const char *format, ...)
{
	size_t room = TEXT_SIZE - a->used;
	va_list ap;
	int n;

	if (a->argc == a->max)
		return;
	va_start(ap, format);
	n = vsnprintf(a->text + a->used, room, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		return; /* EAL would miss a core and the check after its start says so */
	a->argv[a->argc++] = a->text + a->used;
	a->used += (size_t)n + 1;
}

/* Free hugepages of all sizes, in megabytes. */
static unsigned long free_hugepages_mb(void)
{
	static const char root[] = "/sys/kernel/mm/hugepages";
	unsigned long total_kb = 0, kb, n;
	DIR *dir = opendir(root);
	struct dirent *entry;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		char path[512];
		FILE *f;

		if (sscanf(entry->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", root, entry->d_name);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &n) == 1)
			total_kb += n * kb;
		fclose(f);
	}
	closedir(dir);
	return total_kb / 1024;
}

static bool is_worker_core(const struct eal_config *config, unsigned core)
{
	for (unsigned i = 0; i < config->n_workers; i++)
		if (config->worker_cores[i] == core)
			return true;
	return false;
}

static int check_core(const cpu_set_t *allowed, const char *key, unsigned core, struct err *e)
{
	if (core < CPU_SETSIZE && CPU_ISSET(core, allowed))
		return 0;
	return err_set(e,
	    "%s: core %u is not among the %d cores this process may run on; 'taskset -cp $$' lists them",
	    key, core, CPU_COUNT(allowed));
}

static int check_config(const struct eal_config *config, const cpu_set_t *allowed, struct err *e)
{
	static const char *const ours[] = { "-l", "--lcores", "-c", "--main-lcore", "-s", "-S" };
	int rc = 0;

	for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (is_given(config, ours[i]))
			rc = err_set(e,
			    "eal: '%s' follows from runtime.workers and control_core; leave it out",
			    ours[i]);
	for (unsigned i = 0; i < config->n_workers; i++)
		if (check_core(allowed, "runtime.workers", config->worker_cores[i], e) != 0)
			rc = -1;
	if (config->control_core >= 0 &&
	    check_core(allowed, "runtime.control_core", (unsigned)config->control_core, e) != 0)
		rc = -1;
	return rc;
}

/*
 * Lcore 0 is control, 1..n are the workers, wherever they run. Control floats over every core that
 * is no worker's when none was named, and shares theirs when there is no other.
 */
static void
add_lcores(struct eal_args *a, const struct eal_config *config, const cpu_set_t *allowed)
{
	char text[TEXT_SIZE / 2];
	size_t n = 0;
	bool have_other = false;
	char separator = '(';

	for (unsigned core = 0; core < CPU_SETSIZE; core++)
		if (CPU_ISSET(core, allowed) && !is_worker_core(config, core))
			have_other = true;
	if (config->control_core >= 0) {
		n += (size_t)snprintf(text, sizeof(text), "0@%d", config->control_core);
	} else {
		n += (size_t)snprintf(text, sizeof(text), "0@");
		for (unsigned core = 0; core < CPU_SETSIZE && n < sizeof(text) - 512; core++) {
			if (!CPU_ISSET(core, allowed) ||
			    (have_other && is_worker_core(config, core)))
				continue;
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%c%u", separator, core);
			separator = ',';
		}
		n += (size_t)snprintf(text + n, sizeof(text) - n, ")");
	}
	for (unsigned i = 0; i < config->n_workers && n < sizeof(text); i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, ",%u@%u", i + 1, config->worker_cores[i]);
	add(a, "--lcores=%s", text);
	add(a, "--main-lcore=0");
}

static bool is_pci_address(const char *name)
{
	unsigned domain, bus, device, function;
	int n = 0;

	return sscanf(name, "%x:%x:%x.%x%n", &domain, &bus, &device, &function, &n) == 4 &&
	    name[n] == '\0';
}

/* Adds those that arg makes a bond of: "net_bonding0,mode=1,slave=0000:3b:00.0,...". True when it has any. */
static bool add_bonded(struct eal_args *a, const char *arg)
{
	static const char *const keys[] = { ",slave=", ",member=" }; /* DPDK 23.11 has the second */
	char address[32];
	bool any = false;

	if (strncmp(arg, "--vdev=", 7) == 0)
		arg += 7; /* else it may be an argument of its own */
	if (strncmp(arg, "net_bonding", 11) != 0)
		return false;
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		for (const char *at = arg; (at = strstr(at, keys[i])) != NULL;) {
			at += strlen(keys[i]);
			snprintf(address, sizeof(address), "%.*s", (int)strcspn(at, ","), at);
			if (!is_pci_address(address))
				continue;
			add(a, "--allow=%s", address);
			any = true;
		}
	return any;
}

/*
 * The allow-list is what the ports name: a NIC that was bound to vfio-pci for somebody else is not
 * touched. Returns whether EAL will look at PCI at all.
 */
static bool add_pci(struct eal_args *a, const struct eal_config *config)
{
	static const char *const choices[] = { "-a", "--allow", "-b", "--block", NULL };
	bool any = false;

	if (is_given(config, "--no-pci"))
		return false;
	if (config->devices == NULL || any_given(config, choices))
		return true;
	for (unsigned i = 0; i < config->n_devices; i++) {
		if (!is_pci_address(config->devices[i]))
			continue;
		add(a, "--allow=%s", config->devices[i]);
		any = true;
	}
	for (unsigned i = 0; i < config->n_args; i++)
		any |= add_bonded(a, config->args[i]);
	if (!any)
		add(a, "--no-pci");
	return any;
}

static void add_memory(struct eal_args *a, const struct eal_config *config, bool has_pci)
{
	static const char *const file_options[] = { "--huge-dir", "--in-memory", "--file-prefix",
		"--huge-unlink", "--legacy-mem", "--proc-type", NULL };
	static const char *const size_options[] = { "-m", "--socket-mem", NULL };
	unsigned need_mb = config->memory_mb > 0 ? config->memory_mb : DEFAULT_MEMORY_MB;
	bool no_huge = is_given(config, "--no-huge");

	if (!no_huge) {
		unsigned long have_mb = free_hugepages_mb();

		if (have_mb < need_mb) {
			log_warning(
			    "%lu MB of hugepages are free and %u are wanted: running without "
			    "(--no-huge), slower; scripts/setup says how to reserve them",
			    have_mb, need_mb);
			add(a, "--no-huge");
			no_huge = true;
		}
	}
	if (no_huge) {
		if (!any_given(config, size_options))
			add(a, "-m%u", need_mb);
		if (!is_given(config, "--no-shconf"))
			add(a,
			    "--no-shconf"); /* no files in /var/run (--in-memory fails on 22.11) */
	} else if (!any_given(config, file_options)) {
		/* Pages without files: nothing to mount before, nothing left behind a crash. */
		add(a, "--in-memory");
	}
	/*
	 * af_xdp wants a pool in one piece, which virtual addresses give. Only PCI devices without an
	 * IOMMU need physical ones.
	 */
	if (!has_pci && !is_given(config, "--iova-mode"))
		add(a, "--iova-mode=va");
}

static int check_started(const struct eal_config *config, struct err *e)
{
	if (rte_lcore_count() == config->n_workers + 1 && rte_get_main_lcore() == 0)
		return 0;
	return err_set(e, "EAL started with %u lcores where %u workers and control were wanted",
	    rte_lcore_count(), config->n_workers);
}

int eal_start(const struct eal_config *config, struct err *e)
{
	static struct eal_args args;
	cpu_set_t allowed;
	bool has_pci;

	if (args.argv != NULL)
		return err_set(e, "EAL can be started once per process only");
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return err_set(e, "cannot ask which cores this process may run on: %m");
	if (check_config(config, &allowed, e) != 0)
		return -1;
	args.max = (int)config->n_devices + MAX_DEFAULTS + MAX_BONDED;
	args.argv = calloc((size_t)args.max + config->n_args + 1, sizeof(*args.argv));
	if (args.argv == NULL)
		return err_set(e, "out of memory");

	add(&args, "sallyport");
	add_lcores(&args, config, &allowed);
	/* Errors are for operators, EAL's news are not. */
	add(&args, "--log-level=lib.*:warning");
	add(&args, "--log-level=pmd.*:warning");
	has_pci = add_pci(&args, config);
	add_memory(&args, config, has_pci);
	if (!is_given(config, "--telemetry") && !is_given(config, "--no-telemetry"))
		add(&args, "--no-telemetry");
	for (unsigned i = 0; i < config->n_args; i++)
		if (strcmp(config->args[i], "--telemetry") != 0) /* on is EAL's default */
			args.argv[args.argc++] = (char *)(uintptr_t)config->args[i];

	/* EAL would send every line to syslog as well: a service manager's journal had them twice. */
	rte_openlog_stream(stderr);
	if (rte_eal_init(args.argc, args.argv) < 0)
		return err_set(e,
		    "EAL does not start: %s; its own messages are above, its arguments "
		    "in the file's 'eal'",
		    rte_strerror(rte_errno));
	return check_started(config, e);
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
