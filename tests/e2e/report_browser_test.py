"""Opens the report in headless Chromium and checks what a reader would see and do.

usage: report_browser_test.py RENDER_REPORT OUTPUT_FOLDER
Exit status 77: Chromium, its driver or Selenium is absent, nothing was tested.
"""

import csv
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import report_fixture

SKIPPED = 77
RENDERER = ""
OUTPUT = pathlib.Path()
CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
EVIL = '</script><img src=x onerror="document.title=1">'

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1", "--window-size=1400,2400",
]


def documents():
    evil = report_fixture.search_document(model="fixture-evil", ratio=0.4)
    evil["layers"][1]["name"] = EVIL
    long_names = "features.stage{stage}.unit{unit}.bottleneck_block.body.with_a_long_name"
    return {
        "search": report_fixture.search_document(), "long": report_fixture.search_document("fixture-long", 17, long_names),
        "evil": evil, "simulation": report_fixture.simulation_document(),
        "measured": report_fixture.measured_document(),
        "haq": report_fixture.episodes_document("haq", [90, 92.5, 91, 96]), "random": report_fixture.episodes_document("random", [93, 91, 94]),
        "program": report_fixture.episodes_document("exact", [97], evaluations=253),
    }


class ReportInBrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from selenium import webdriver

        cls.documents = documents()
        for name, document in cls.documents.items():
            (OUTPUT / f"{name}.json").write_text(json.dumps(document))
        cls.page = OUTPUT / "report.html"
        subprocess.run([RENDERER, cls.page, *(OUTPUT / f"{name}.json" for name in cls.documents)], check=True)
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        cls.profile = tempfile.mkdtemp(prefix="dyad-chromium-")
        for flag in [*FLAGS, f"--user-data-dir={cls.profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.driver = webdriver.Chrome(service=webdriver.chrome.service.Service(DRIVER), options=options)
        cls.driver.set_script_timeout(30)

    @classmethod
    def tearDownClass(cls):
        cls.driver.quit()
        shutil.rmtree(cls.profile, ignore_errors=True)

    def setUp(self):
        self.resize(1400, 2400)
        self.driver.get(self.page.as_uri())
        self.run_js("window.saved = []; Dyad.dom.save = (name, type, content) => window.saved.push({name, type, content})")

    def tearDown(self):
        problems = [entry["message"] for entry in self.driver.get_log("browser")]
        self.assertEqual(problems, [], "the browser's console is not silent")
        self.assertEqual(self.run_js("return performance.getEntriesByType('resource').map(e => e.name)"), [], "the page loaded something")

    def run_js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.find(selector).text.replace("\u00a0", " ")

    def choose(self, selector, value):
        self.run_js("const s = document.querySelector(arguments[0]); s.value = arguments[1]; s.dispatchEvent(new Event('change'))", selector, value)

    def series(self, chart):
        return self.run_js(f"return Dyad.plot.charts.{chart}.data.datasets.map((d, i) => ({{label: d.label, data: d.data, shown: Dyad.plot.charts.{chart}.isDatasetVisible(i)}}))")

    def resize(self, width, height):
        # A window can't be narrower than 500 pixels; a screen can.
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def shot(self, name, width, height):
        self.resize(width, height)
        (OUTPUT / f"{name}.png").write_bytes(self.driver.get_screenshot_as_png())

    # What is shown.

    def test_verdict_says_the_result(self):
        document = self.documents["search"]
        verdict = self.text("#verdict")
        for part in (f"{document['top1']:.2f} %", "latency at most 0.5 of the 8-bit network's", document["best_uniform"]["label"], f"{document['cost']['ratio']['latency']:.3f}"):
            self.assertIn(part, verdict)
        badges = self.text("#badges")
        self.assertIn("proved optimal", badges)
        self.assertIn("confirmed by the cycle tier", badges)
        self.assertIn(document["config_hash"], self.text("#facts"))

    def test_every_chart_draws_the_document(self):
        document = self.documents["search"]
        layers = document["layers"]
        self.assertEqual(self.run_js("return Object.keys(Dyad.plot.charts).sort()"), ["bits", "energy", "latency", "pareto", "roofline"])
        for chart in ("bits", "energy", "latency", "pareto", "roofline"):
            colours = self.run_js(
                f"const c = Dyad.plot.charts.{chart}.canvas, p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, s = new Set();"
                "for (let i = 0; i < p.length; i += 4) if (p[i + 3] > 200) s.add(p[i] << 16 | p[i + 1] << 8 | p[i + 2]); return s.size")
            self.assertGreater(colours, 5, f"{chart} is blank")
        weights, activations = (one["data"] for one in self.series("bits"))
        self.assertEqual(weights, [layer.get("w") for layer in layers])
        self.assertEqual(activations, [layer.get("a") for layer in layers])
        computing, waiting = (one["data"] for one in self.series("latency"))
        for layer, computes, waits in zip(layers, computing, waiting):  # the largest is between 1 us and 1 ms: drawn in us
            self.assertAlmostEqual(computes + waits, layer["latency_us"], places=9)
            self.assertAlmostEqual(waits, layer["latency_us"] * layer["stall_cycles"] / layer["cycles"], places=9)
        energy = {one["label"]: one["data"] for one in self.series("energy")}
        self.assertEqual(list(energy), ["array", "SRAM", "DRAM", "leakage", "idle memory"])
        for i, layer in enumerate(layers):
            self.assertAlmostEqual(sum(values[i] for values in energy.values()) * 1e6, layer["energy_pj"], delta=1e-6 * layer["energy_pj"])

    def test_pareto_and_its_front(self):
        points = self.documents["search"]["pareto"]
        shown = {one["label"]: one["data"] for one in self.series("pareto")}
        for label, origin in (("Search", "search"), ("Sweep of the limit", "sweep"), ("Uniform bits", "uniform")):
            expected = [(p["latency_us"] / 1000, p["top1"]) for p in points if p["origin"] == origin]
            self.assertEqual([(p["x"], p["y"]) for p in shown[label]], expected)
        # Only points measured on all images can tell which network is better.
        measured = [p for p in points if p["top1_images"] == 10000]
        beaten = lambda p: any(q["latency_us"] <= p["latency_us"] and q["top1"] >= p["top1"] and (q["latency_us"], q["top1"]) != (p["latency_us"], p["top1"]) for q in measured)
        front = sorted({(p["latency_us"] / 1000, p["top1"]) for p in measured if not beaten(p)})
        self.assertEqual([(p["x"], p["y"]) for p in shown["Not beaten by another"]], front)

    def test_roofline(self):
        document = self.documents["search"]
        weighted = {layer["name"]: layer for layer in document["layers"] if layer.get("w")}
        shown = {point["label"]: point for one in self.series("roofline") for point in one["data"] if "label" in point}
        self.assertEqual(set(shown), set(weighted))
        for name, layer in weighted.items():
            operations = 2 * layer["macs"] * layer["w"] * layer["a"] * document["accelerator"]["batch"]
            self.assertAlmostEqual(shown[name]["x"] / (operations / ((layer["dram_read_bits"] + layer["dram_write_bits"]) / 8)), 1, places=9)
            self.assertAlmostEqual(shown[name]["y"] / (operations / layer["latency_us"] * 1e6), 1, places=9)

    # What a reader does.

    def test_filter_hides_and_shows_points(self):
        box = self.find("#origins input[data-role=uniform]")
        box.click()
        self.assertEqual({one["label"]: one["shown"] for one in self.series("pareto")}["Uniform bits"], False)
        self.assertEqual({one["label"]: one["shown"] for one in self.series("pareto")}["Search"], True)
        self.find("#origins input[data-role=uniform]").click()
        self.assertTrue(all(one["shown"] for one in self.series("pareto")))

    def test_axes_change_the_data(self):
        points = [p for p in self.documents["search"]["pareto"] if p["origin"] == "uniform"]
        for axis, key, factor in (("energy", "energy_pj", 1e9), ("size", "size_mib", 1 / 1024), ("bops", "bops_g", 1)):
            self.choose("#x-axis", axis)
            shown = {one["label"]: one["data"] for one in self.series("pareto")}["Uniform bits"]
            for point, expected in zip(shown, points):
                self.assertAlmostEqual(point["x"], expected[key] / factor, places=6, msg=axis)
        self.choose("#y-axis", "logits_mse")
        shown = {one["label"]: one["data"] for one in self.series("pareto")}["Uniform bits"]
        self.assertEqual([point["y"] for point in shown], [p["logits_mse"] for p in points])
        self.assertFalse(self.find("#range").is_enabled())

    def test_accuracy_axis_reaches_down_to_what_is_chosen(self):
        document = self.documents["search"]
        bottom = lambda: self.run_js("return Dyad.plot.charts.pareto.scales.y.min")
        self.choose("#range", "2")
        self.assertAlmostEqual(bottom(), document["top1_float"] - 2, places=9)
        hidden = sum(p["top1"] < document["top1_float"] - 2 for p in document["pareto"])
        self.assertIn(f"{hidden} points of lower accuracy", self.text("#pareto .note"))
        self.choose("#range", "all")
        self.assertLessEqual(bottom(), min(p["top1"] for p in document["pareto"]))

    def test_points_measured_on_fewer_images_are_hollow(self):
        self.choose("#range", "all")
        fills = self.run_js("return Object.fromEntries(Dyad.plot.charts.pareto.data.datasets.map(d => [d.label, [...new Set([].concat(d.backgroundColor))]]))")
        self.assertEqual(len(fills["Sweep of the limit"]), 1)
        self.assertEqual(fills["Sweep of the limit"][0], "#ffffff")
        self.assertNotIn("#ffffff", fills["Uniform bits"] + fills["Search"])
        # Standard error of a share p = 0.9157 in 2000 draws: sqrt(0.9157 * 0.0843 / 2000) = 0.0062.
        self.assertIn("± 0.6 points", self.text("#pareto .note"))

    def test_layer_table_sorts(self):
        layers = self.documents["search"]["layers"]
        names = lambda: [row.text for row in self.driver.find_elements("css selector", "#layer-table tbody th")]
        self.assertEqual(names(), [layer["name"] for layer in layers])
        header = next(h for h in self.driver.find_elements("css selector", "#layer-table thead th") if h.text.startswith("Latency"))
        header.find_element("css selector", "button").click()
        self.assertEqual(header.get_attribute("aria-sort"), "descending")
        self.assertEqual(names(), [layer["name"] for layer in sorted(layers, key=lambda layer: -layer["latency_us"])])
        header.find_element("css selector", "button").click()
        self.assertEqual(header.get_attribute("aria-sort"), "ascending")
        self.assertEqual(names(), [layer["name"] for layer in sorted(layers, key=lambda layer: layer["latency_us"])])

    def open_document(self, name):
        """Shows the document of that name; the chooser lists them in order."""
        self.choose("#document", str(list(self.documents).index(name)))

    def test_bottlenecks_and_shadow_prices_are_a_table(self):
        self.assertFalse(self.find("#bottleneck-table").is_displayed())  # the search's layers have none
        self.open_document("simulation")
        self.assertTrue(self.find("#bottleneck-table").is_displayed())
        self.assertEqual([head.text for head in self.driver.find_elements("css selector", "#bottleneck-table thead th")],
                         ["#", "Layer", "W", "A", "1 W less", "Next W", "1 A less", "Next A", "Compute alone", "Memory bus alone", "Fill"])
        layers = self.documents["simulation"]["layers"]
        rows = list(csv.DictReader(io.StringIO(self.saved("bottleneck-table.csv")["content"], newline="")))
        for layer, row in zip(layers, rows, strict=True):
            self.assertAlmostEqual(float(row["Compute alone"]), layer["compute_cycles"] / layer["cycles"])
            if "w" not in layer:
                self.assertEqual((row["1 W less"], row["Next W"]), ("", ""))
                continue
            self.assertAlmostEqual(float(row["1 W less"]), (layer["cycles"] // 8) / layer["cycles"])
            self.assertEqual((row["Next W"], float(row["1 A less"]), row["Next A"]), ("7", 0, ""))

    def test_searches_of_one_question_share_a_plot(self):
        self.assertFalse(self.find("#course-section").is_displayed())  # nothing is told of how that search went
        self.open_document("haq")
        self.assertTrue(self.find("#course-section").is_displayed())
        self.assertIn("Best of 4 episodes", self.text("#badges"))
        lines = {one["label"]: [(point["x"], point["y"]) for point in one["data"]] for one in self.series("course")}
        self.assertEqual(lines["haq"], [(1, 90), (2, 90), (2, 92.5), (4, 92.5), (4, 96), (253, 96)])
        self.assertEqual(lines["random"], [(1, 93), (3, 93), (3, 94), (253, 94)])
        self.assertEqual(lines["exact: its one result"], [(253, 97)])
        rows = list(csv.DictReader(io.StringIO(self.saved("course.csv")["content"], newline="")))
        self.assertEqual([float(row["top1_percent"]) for row in rows], [90, 92.5, 91, 96, 93, 91, 94, 97])
        for wrong in ("NaN", "null", "undefined", "Infinity"):
            self.assertNotIn(wrong, self.text("main"))

    def test_measurements_have_no_roofline(self):
        self.assertTrue(self.find("#roofline-section").is_displayed())
        self.open_document("measured")
        self.assertFalse(self.find("#roofline-section").is_displayed())
        self.assertFalse(self.find("#energy").is_displayed())  # the table has none
        self.assertNotIn("Roofline", self.text("#nav"))
        self.assertIn("measurements", self.text("#verdict"))
        facts = self.text("#facts")
        self.assertIn("they cost 0", facts)
        for wrong in ("NaN", "null", "undefined", "Infinity"):
            self.assertNotIn(wrong, self.text("main"))
        self.open_document("search")
        self.assertTrue(self.find("#roofline-section").is_displayed())
        self.assertIn("Roofline", self.text("#nav"))

    def test_every_control_is_reached_by_keyboard(self):
        from selenium.webdriver.common.keys import Keys

        self.run_js("document.activeElement.blur()")
        wanted = self.run_js("return [...document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]')].filter(e => e.checkVisibility()).length")
        self.run_js("window.reached = new Set()")
        for _ in range(wanted + 3):
            self.driver.switch_to.active_element.send_keys(Keys.TAB)
            self.run_js("window.reached.add(document.activeElement)")
        self.assertGreaterEqual(self.run_js("window.reached.delete(document.body); return window.reached.size"), wanted)
        self.find("#origins input[data-role=sweep]").send_keys(Keys.SPACE)
        self.assertFalse({one["label"]: one["shown"] for one in self.series("pareto")}["Sweep of the limit"])
        self.find("#layer-table th button").send_keys(Keys.ENTER)
        self.assertEqual(self.find("#layer-table th").get_attribute("aria-sort"), "ascending")
        unnamed = self.run_js("return [...document.querySelectorAll('button, select, input')].filter(e => e.checkVisibility() && !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label'))).map(e => e.outerHTML)")
        self.assertEqual(unnamed, [])

    def test_dark_and_light(self):
        ground = lambda: self.run_js("return getComputedStyle(document.body).backgroundColor")
        light, colour = ground(), self.run_js("return Dyad.plot.charts.bits.data.datasets[0].backgroundColor")
        self.find("#theme").click()
        self.assertNotEqual(ground(), light)
        self.assertNotEqual(self.run_js("return Dyad.plot.charts.bits.data.datasets[0].backgroundColor"), colour)
        self.assertEqual(self.find("#theme").get_attribute("aria-pressed"), "true")
        self.find("#theme").click()
        self.assertEqual(ground(), light)

    def test_system_setting_chooses_the_theme(self):
        for scheme in ("dark", "light"):
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            self.driver.get(self.page.as_uri())
            self.assertEqual(self.run_js("return document.documentElement.dataset.theme"), scheme)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    # What can be saved.

    def saved(self, what):
        self.run_js("window.saved.length = 0; document.querySelector(arguments[0]).click()", f'[data-save="{what}"]')
        return self.driver.execute_async_script(
            "const done = arguments[0]; const wait = () => window.saved.length ? done(window.saved[0]) : setTimeout(wait, 20); wait()")

    def test_csv_files(self):
        document = self.documents["search"]
        rows = lambda what: list(csv.DictReader(io.StringIO(self.saved(what)["content"], newline="")))
        self.assertEqual([(row["layer"], row["weight_bits"]) for row in rows("bits.csv")], [(layer["name"], str(layer.get("w", ""))) for layer in document["layers"]])
        self.assertEqual([float(row["latency_us"]) for row in rows("latency.csv")], [layer["latency_us"] for layer in document["layers"]])
        self.assertEqual([float(row["dram_pj"]) for row in rows("energy.csv")], [layer["energy_breakdown_pj"]["dram"] for layer in document["layers"]])
        self.assertEqual([(row["label"], float(row["top1_percent"])) for row in rows("pareto.csv")], [(p["label"], p["top1"]) for p in document["pareto"]])
        self.assertEqual(len(rows("roofline.csv")), len(document["assignment"]))
        self.assertEqual(len(rows("layer-table.csv")), len(document["layers"]))
        self.assertEqual(json.loads(self.saved("document.json")["content"]), document)

    def test_svg_files_are_drawings_of_the_data(self):
        document = self.documents["search"]
        svg = "{http://www.w3.org/2000/svg}"
        drawing = lambda what: xml.etree.ElementTree.fromstring(self.saved(what)["content"])
        bars = drawing("bits.svg")
        names = {node.text for node in bars.iter(f"{svg}title")}
        self.assertTrue(names.issuperset(layer["name"] for layer in document["layers"]))
        legend_and_ground = 3
        self.assertEqual(len(list(bars.iter(f"{svg}rect"))), 2 * len(document["assignment"]) + legend_and_ground)
        points = [node.text.split("\n")[0] for node in drawing("roofline.svg").iter(f"{svg}title")][1:]
        self.assertEqual(sorted(points), sorted(document["assignment"]))
        texts = {node.text for node in drawing("pareto.svg").iter(f"{svg}text")}
        self.assertTrue({"this result", "Top-1 accuracy (%)"} <= texts)
        for what in ("latency.svg", "energy.svg"):
            self.assertIsNotNone(drawing(what).find(f"{svg}rect"))

    def test_png_files(self):
        for chart in ("pareto", "bits", "latency", "energy", "roofline"):
            self.assertTrue(self.saved(f"{chart}.png")["content"].startswith("data:image/png;base64,iVBORw0KGgo"), chart)

    # Other documents, other screens.

    def show(self, name):
        self.choose("#document", str(list(self.documents).index(name)))

    def test_several_documents(self):
        self.assertEqual(len(self.driver.find_elements("css selector", "#comparison-table tbody tr")), len(self.documents))
        self.show("simulation")
        self.assertIn("W8A8", self.text("#verdict"))
        self.assertFalse(self.find("#tradeoff").is_displayed())
        self.show("search")
        self.assertTrue(self.find("#tradeoff").is_displayed())

    def test_markup_in_names_is_text(self):
        self.show("evil")
        self.assertEqual(self.driver.find_elements("css selector", "main img"), [])
        self.assertIn(EVIL, [node.text for node in self.driver.find_elements("css selector", "#layer-table tbody th")])
        self.assertIn("&lt;img", self.saved("bits.svg")["content"])

    def test_nothing_overflows(self):
        for name in self.documents:
            for width in (1400, 800, 400):
                self.resize(width, 1200)
                self.driver.get(self.page.as_uri())
                self.show(name)
                wide = self.run_js(
                    "const w = document.documentElement.clientWidth; return [...document.querySelectorAll('main *')]"
                    ".filter(e => e.getBoundingClientRect().right > w + 1 && !e.closest('.table-scroll')).map(e => e.outerHTML.slice(0, 90))")
                self.assertEqual(wide, [], f"{name} at {width} pixels")
                self.assertLessEqual(self.run_js("return document.documentElement.scrollWidth"), width, name)

    def test_screenshots(self):
        height = self.run_js("return document.documentElement.scrollHeight")
        self.shot("report-light", 1400, height)
        self.find("#theme").click()
        self.shot("report-dark", 1400, height)
        self.shot("report-narrow", 400, 2400)
        for name in ("light", "dark", "narrow"):
            self.assertGreater((OUTPUT / f"report-{name}.png").stat().st_size, 20000)


def main():
    global RENDERER, OUTPUT
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    RENDERER, OUTPUT = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    try:
        import selenium  # noqa: F401
    except ImportError:
        print("skipped: Selenium is absent (Debian: python3-selenium)")
        return SKIPPED
    if not CHROMIUM or not DRIVER:
        print("skipped: Chromium or its driver is absent (Debian: chromium chromium-driver)")
        return SKIPPED
    OUTPUT.mkdir(parents=True, exist_ok=True)
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(ReportInBrowser))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
