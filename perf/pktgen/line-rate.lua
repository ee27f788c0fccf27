-- SPDX-License-Identifier: GPL-3.0-or-later
-- Replays port 0's pcap file at rising rates; see README.md in this folder.
package.path = package.path .. ";?.lua"
require "Pktgen"

local port = 0
local step_ms = 10000

local function counts()
	local s = pktgen.portStats(tostring(port), "port")[port]
	return s.opackets, s.ipackets
end

for _, percent in ipairs({ 1, 5, 10, 25, 50, 75, 100 }) do
	pktgen.set(tostring(port), "rate", percent)
	local sent, answered = counts()
	pktgen.start(tostring(port))
	pktgen.delay(step_ms)
	pktgen.stop(tostring(port))
	pktgen.delay(1000)
	local s, a = counts()
	printf("%3d %% of line rate: %.3f M frames/s sent, %.3f M/s came back\n", percent,
		(s - sent) / step_ms / 1000, (a - answered) / step_ms / 1000)
end
pktgen.quit()
