# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the ratios of a perf/compare run with gnuplot. Also: plot.py RESULTS.json OUT.png"""
import json
import subprocess
import sys


def draw(report, path):
    """One bar a row, as a share of the best rival's cost, on a logarithmic scale; a tick where the goal is."""
    rows = [r for r in report["rows"] if r["ratio_to_best"]]
    if not rows:
        print("nothing to draw: no row has a ratio", file=sys.stderr)
        return
    lines = [f"{i} {r['ratio_to_best']} {r['goal'] or 'NaN'} \"{r['name']}\\n{r['wire']}\""
             for i, r in enumerate(rows)]
    script = f"""
set terminal {"svg" if path.endswith(".svg") else "pngcairo"} size {max(640, 110 * len(rows))},480
set output {json.dumps(path)}
set title "sallyport's cost as a share of the best rival's (lower is better)\\n{report['commit']}, {report['machine']['cpu']}" noenhanced
set logscale y 2
set yrange [1./64:2]
set ytics ("1/64" 1./64, "1/32" 1./32, "1/16" 1./16, "1/8" 1./8, "1/4" 1./4, "1/2" 1./2, "1" 1, "2" 2)
set grid ytics
set style fill solid 0.8
set boxwidth 0.6
set xtics noenhanced font ",8"
set key top right
$rows << EOD
{chr(10).join(lines)}
EOD
plot $rows using 1:2:xtic(4) with boxes lc rgb "#336699" title "ratio", \\
     $rows using 1:3 with points pt 9 ps 1.6 lc rgb "#cc3333" title "goal", \\
     1 with lines lc rgb "#555555" title "best rival"
"""
    done = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True)
    if done.returncode != 0:
        print("gnuplot: " + done.stderr, file=sys.stderr)


if __name__ == "__main__":
    with open(sys.argv[1]) as results:
        draw(json.load(results), sys.argv[2])
