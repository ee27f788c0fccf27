/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/host.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/model.h"

struct host {
	const struct config *config;
	const char *root;
	FILE *out;
	unsigned n_lacking;
};

/* One line: what was looked at, how it is, and what to do when it is not as it should be. */
__attribute__((format(printf, 4, 5))) static void
tell(struct host *h, bool good, const char *what, const char *format, ...)
{
	va_list ap;

	fprintf(h->out, "%-5s %-10s ", good ? "ok" : "LACKS", what);
	va_start(ap, format);
	vfprintf(h->out, format, ap);
	va_end(ap);
	fputc('\n', h->out);
	h->n_lacking += !good;
}

/* The first line of a file, without its end; false when there is none. */
__attribute__((format(printf, 4, 5))) static bool
read_line(const struct host *h, char *text, size_t size, const char *format, ...)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s", h->root);
	va_list ap;
	FILE *f;
	bool ok;

	va_start(ap, format);
	vsnprintf(path + n, sizeof(path) - (size_t)n, format, ap);
	va_end(ap);
	f = fopen(path, "r");
	if (!f)
		return false;
	ok = fgets(text, (int)size, f) != NULL;
	fclose(f);
	if (ok)
		text[strcspn(text, "\n")] = '\0';
	return ok;
}

/* True when list, such as "1-3,8", has n. */
static bool list_has(const char *list, unsigned n)
{
	while (*list) {
		char *end;
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (end == list)
			return false;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (n >= from && n <= to)
			return true;
		list = *end == ',' ? end + 1 : end;
		if (*end != ',' && *end != '\0')
			return false;
	}
	return false;
}

/* --- memory --- */

static unsigned long free_mb(const struct host *h, const char *folder)
{
	char path[PATH_MAX], text[64];
	unsigned long total_kb = 0, kb;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", h->root, folder);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL)
		if (sscanf(entry->d_name, "hugepages-%lukB", &kb) == 1 &&
		    read_line(h, text, sizeof(text), "%s/%s/free_hugepages", folder, entry->d_name))
			total_kb += kb * strtoul(text, NULL, 10);
	if (dir)
		closedir(dir);
	return total_kb / 1024;
}

static void check_hugepages(struct host *h, unsigned need_mb)
{
	unsigned long have = free_mb(h, "/sys/kernel/mm/hugepages");

	if (have >= need_mb)
		tell(h, true, "hugepages", "%lu MB are free, %u are needed", have, need_mb);
	else
		tell(h, false, "hugepages",
		    "%lu MB are free and %u are needed: set vm.nr_hugepages = %u in "
		    "/etc/sysctl.d/60-sallyport.conf (2 MB each), or default_hugepagesz=1G "
		    "hugepagesz=1G hugepages=%u on the kernel's command line",
		    have, need_mb, (need_mb + 1) / 2 + 64, need_mb / 1024 + 1);
}

/* --- cores --- */

/* The workers' cores that list does not have, as text; false when it has all. */
static bool cores_missing(const struct host *h, const char *list, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < h->config->runtime.n_workers && n < size; i++)
		if (!list_has(list, h->config->runtime.workers[i]))
			n += (size_t)snprintf(text + n, size - n, "%s%u", n ? "," : "",
			    h->config->runtime.workers[i]);
	return n > 0;
}

static void check_isolation(struct host *h, const char *file, const char *option, const char *why)
{
	char list[1024] = "", missing[512];

	read_line(h, list, sizeof(list), "/sys/devices/system/cpu/%s", file);
	if (cores_missing(h, list, missing, sizeof(missing)))
		tell(h, false, option,
		    "%s on cores %s of workers: add %s=%s to the kernel's command line", why,
		    missing, option, missing);
	else
		tell(h, true, option, "the workers' cores are in it");
}

static void check_governor(struct host *h, unsigned core)
{
	char text[64];

	if (!read_line(h, text, sizeof(text),
		"/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", core))
		tell(h, true, "governor", "core %u: the kernel does not scale its clock", core);
	else if (strcmp(text, "performance") == 0)
		tell(h, true, "governor", "core %u: %s", core, text);
	else
		tell(h, false, "governor",
		    "core %u: '%s' slows down between packets: echo performance > "
		    "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor",
		    core, text, core);
}

/* Two workers on the two threads of one core halve each other. */
static void check_sibling(struct host *h, unsigned i)
{
	const struct config_runtime *r = &h->config->runtime;
	char list[256];

	if (!read_line(h, list, sizeof(list),
		"/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", r->workers[i]))
		return;
	for (unsigned j = 0; j < i; j++)
		if (list_has(list, r->workers[j]))
			tell(h, false, "siblings",
			    "cores %u and %u are two threads of one core: put workers on different "
			    "ones",
			    r->workers[j], r->workers[i]);
}

static int core_node(const struct host *h, unsigned core)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int node = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%u", h->root, core);
	dir = opendir(path);
	while (dir && node < 0 && (entry = readdir(dir)) != NULL)
		if (sscanf(entry->d_name, "node%d", &node) != 1)
			node = -1;
	if (dir)
		closedir(dir);
	return node;
}

/* --- NICs --- */

static bool is_pci_address(const char *name)
{
	unsigned domain, bus, device, function;
	int n = 0;

	return sscanf(name, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &n) == 4 &&
	    name[n] == '\0';
}

static void check_driver(struct host *h, const char *nic)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *name = "no driver";
	ssize_t n;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver", h->root, nic);
	n = readlink(path, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	}
	if (strcmp(name, "vfio-pci") == 0 || strcmp(name, "mlx5_core") == 0 ||
	    strcmp(name, "mlx4_core") == 0)
		tell(h, true, "driver", "%s: %s", nic, name);
	else
		tell(h, false, "driver", "%s: is bound to %s: sallyport-nic bind %s", nic, name,
		    nic);
}

static void check_link_of(struct host *h, const char *nic)
{
	char width[32], max_width[32], speed[64], max_speed[64];

	if (!read_line(
		h, width, sizeof(width), "/sys/bus/pci/devices/%s/current_link_width", nic) ||
	    !read_line(
		h, max_width, sizeof(max_width), "/sys/bus/pci/devices/%s/max_link_width", nic) ||
	    !read_line(
		h, speed, sizeof(speed), "/sys/bus/pci/devices/%s/current_link_speed", nic) ||
	    !read_line(
		h, max_speed, sizeof(max_speed), "/sys/bus/pci/devices/%s/max_link_speed", nic))
		return; /* integrated, or a virtual machine's */
	if (strtoul(width, NULL, 10) < strtoul(max_width, NULL, 10) ||
	    strtod(speed, NULL) < strtod(max_speed, NULL))
		tell(h, false, "PCIe",
		    "%s: x%s at %s, and it can do x%s at %s: move it to a wider slot, or look at the "
		    "firmware's settings of this one",
		    nic, width, speed, max_width, max_speed);
	else
		tell(h, true, "PCIe", "%s: x%s at %s", nic, width, speed);
}

static void check_node(struct host *h, const char *nic)
{
	const struct config_runtime *r = &h->config->runtime;
	char text[32];
	long node;

	if (!read_line(h, text, sizeof(text), "/sys/bus/pci/devices/%s/numa_node", nic))
		return;
	node = strtol(text, NULL, 10);
	for (unsigned i = 0; node >= 0 && i < r->n_workers; i++) {
		int worker = core_node(h, r->workers[i]);

		if (worker >= 0 && worker != node) {
			tell(h, false, "NUMA",
			    "%s is on node %ld and core %u on node %d: choose runtime.workers from "
			    "/sys/devices/system/node/node%ld/cpulist",
			    nic, node, r->workers[i], worker, node);
			return;
		}
	}
	tell(h, true, "NUMA", "%s and the workers are on one node", nic);
}

static void check_iommu(struct host *h)
{
	char path[PATH_MAX], line[4096] = "";
	struct dirent *entry;
	bool any = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/class/iommu", h->root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL)
		any |= entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	read_line(h, line, sizeof(line), "/proc/cmdline");
	if (!any)
		tell(h, false, "IOMMU",
		    "none is in use: switch it on in the firmware (VT-d, AMD-Vi) and add "
		    "intel_iommu=on iommu=pt (AMD: iommu=pt) to the kernel's command line");
	else if (!strstr(line, "iommu=pt") && !strstr(line, "iommu.passthrough=1"))
		tell(h, false, "IOMMU",
		    "the kernel's own devices go through it, too, which costs them: add iommu=pt to "
		    "the kernel's command line");
	else
		tell(h, true, "IOMMU", "on, in pass-through for the kernel's devices");
}

static void check_nic(struct host *h, const char *nic)
{
	char vendor[32];

	if (!read_line(h, vendor, sizeof(vendor), "/sys/bus/pci/devices/%s/vendor", nic)) {
		tell(h, false, "NIC", "%s: no such PCI device: 'sallyport-nic status' lists them",
		    nic);
		return;
	}
	check_driver(h, nic);
	check_link_of(h, nic);
	check_node(h, nic);
}

/* VLANs share devices. */
static bool is_device_of_earlier(const struct config *config, unsigned port, const char *device)
{
	for (unsigned i = 0; i < port; i++)
		for (unsigned j = 0; j < config->ports[i].n_devices; j++)
			if (strcmp(config->ports[i].devices[j], device) == 0)
				return true;
	return false;
}

unsigned host_check(const struct config *config, unsigned memory_mb, const char *root, FILE *out)
{
	struct host h = { .config = config, .root = root, .out = out };
	unsigned n_nics = 0;

	check_hugepages(&h, memory_mb);
	check_isolation(&h, "isolated", "isolcpus", "the scheduler may run others");
	check_isolation(&h, "nohz_full", "nohz_full", "the timer ticks");
	for (unsigned i = 0; i < config->runtime.n_workers; i++) {
		check_governor(&h, config->runtime.workers[i]);
		check_sibling(&h, i);
	}
	for (unsigned i = 0; i < config->n_ports; i++) {
		for (unsigned j = 0; j < config->ports[i].n_devices; j++) {
			if (!is_pci_address(config->ports[i].devices[j]) ||
			    is_device_of_earlier(config, i, config->ports[i].devices[j]))
				continue;
			check_nic(&h, config->ports[i].devices[j]);
			n_nics++;
		}
	}
	if (n_nics > 0)
		check_iommu(&h);
	else
		tell(&h, false, "NIC",
		    "no port is on a PCI device: what the kernel's drivers do cannot be passed by");
	return h.n_lacking;
}
