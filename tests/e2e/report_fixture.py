"""Result documents made up for the browser test: shapes like ResNet-20's, costs from a small formula, no measurement."""

import math


def layer_names(depth_per_stage, style):
    names = [("conv", "conv", 3, 16, 32)]
    inputs = 16
    for stage, (channels, size) in enumerate(((16, 32), (32, 16), (64, 8)), start=1):
        for unit in range(1, depth_per_stage + 1):
            prefix = style.format(stage=stage, unit=unit)
            names.append((f"{prefix}.conv1", "conv", inputs, channels, size))
            names.append((f"{prefix}.conv2", "conv", channels, channels, size))
            if inputs != channels:
                names.append((f"{prefix}.identity", "conv1", inputs, channels, size))
            names.append((f"{prefix}.add", "add", channels, channels, size))
            inputs = channels
    names += [("final_pool", "pool", 64, 64, 1), ("output", "fc", 64, 10, 1)]
    return names


BATCH = 16
CLOCK_MHZ = 150.0
LANES = 16 * 16 * 256
PEAK = 2.0 * LANES * CLOCK_MHZ * 1e6
DRAM_BYTES_PER_S = 6.4e9


def layer(name, kind, inputs, channels, size, w, a):
    kernel = {"conv": 9, "conv1": 1, "fc": 1}.get(kind, 0)
    macs = kernel * inputs * channels * size * size
    params = kernel * inputs * channels
    work = macs * (w or 0) * (a or 0) * BATCH
    compute = math.ceil(work / (LANES * 0.62)) + 220
    read_bits = params * (w or 0) + BATCH * inputs * size * size * (a or 8)
    write_bits = BATCH * channels * size * size * (a or 8)
    fetch = math.ceil((read_bits + write_bits) / 8 / DRAM_BYTES_PER_S * CLOCK_MHZ * 1e6)
    cycles = max(compute, fetch) + 140
    latency = cycles / CLOCK_MHZ
    energy = {"array": 0.011 * work, "sram": 0.021 * work / 16 + 0.3 * (read_bits + write_bits), "dram": 15.0 * (read_bits + write_bits), "leakage": 38.0 * cycles, "idle": 21.0 * (cycles - fetch)}
    fields = {
        "name": name, "kind": "conv" if kind == "conv1" else kind, "out": a or 8, "macs": macs, "params": params, "cycles": cycles,
        "compute_cycles": compute, "stall_cycles": cycles - compute, "latency_us": latency, "energy_pj": sum(energy.values()),
        "energy_breakdown_pj": energy, "utilization": min(1.0, work / (LANES * cycles)), "dram_read_bits": read_bits, "dram_write_bits": write_bits,
        "bottleneck": "compute" if compute > fetch else "activation fetch" if kind != "fc" else "weight fetch",
    }
    if w:
        fields.update(w=w, a=a, loss=round(0.9 * 4.0 ** -(min(w, a) - 2) * (1 + 0.1 * len(name) % 0.7), 9))
    return fields


def network(names, bits):
    chosen = {}
    layers = []
    for i, shape in enumerate(names):
        weighted = shape[1] in ("conv", "conv1", "fc")
        w, a = bits(i, shape) if weighted else (None, None)
        if weighted:
            chosen[shape[0]] = {"w": w, "a": a}
        layers.append(layer(*shape, w, a))
    cost = {
        "latency_us": sum(one["latency_us"] for one in layers), "energy_pj": sum(one["energy_pj"] for one in layers),
        "size_mib": sum(one["params"] * one.get("w", 0) for one in layers) / 8 / 2**20,
        "bops_g": sum(one["macs"] * one.get("w", 0) * one.get("a", 0) for one in layers) / 1e9,
    }
    error = sum(one.get("loss", 0) for one in layers)
    return layers, chosen, cost, error


def accuracy(error):
    return round(10 + 81.73 * math.exp(-0.011 * error - 0.0006 * error**2), 2)


def ratios(cost, base):
    return {name: cost[key] / base[key] for name, key in (("latency", "latency_us"), ("energy", "energy_pj"), ("size", "size_mib"), ("bops", "bops_g"))}


def search_document(model="fixture-resnet", per_stage=3, style="stage{stage}.unit{unit}.body", ratio=0.5):
    names = layer_names(per_stage, style)
    base = network(names, lambda i, shape: (8, 8))[2]
    points = []

    def add(label, origin, bits):
        layers, chosen, cost, error = network(names, bits)
        points.append({
            "label": label, "origin": origin, "top1": accuracy(error), "top1_images": 10000 if origin != "sweep" else 2000, **cost, "ratio": ratios(cost, base),
            "logits_mse": error / 40, "objective": error, "on_front": False, "assignment": chosen,
        })
        return layers, chosen, points[-1]

    for w in range(2, 9):
        for a in range(2, 9):
            if abs(w - a) <= 3:
                add(f"W{w}A{a}", "uniform", lambda i, shape, w=w, a=a: (8, 8) if i == 0 or shape[1] == "fc" else (w, a))

    def mixed(level):
        return lambda i, shape: (max(2, min(8, round(level + (2 if shape[4] <= 8 or i == 0 else 0) - (1 if i % 3 == 1 else 0)))), max(3, min(8, round(level + (1 if i % 2 else 0)))))

    for step in range(11):
        add(f"latency <= {0.25 + 0.065 * step:.3f}", "sweep", mixed(3.2 + 0.46 * step))
    layers, chosen, own = add(f"latency <= {ratio}", "search", mixed(5.2))
    # The made-up search points err a third as much as the uniform ones, as those of a good search might.
    for point in points:
        if point["origin"] != "uniform":
            point["top1"] = accuracy(point["objective"] / 3)
            point["logits_mse"] /= 3
    for point in points:
        point["on_front"] = not any(q["latency_us"] <= point["latency_us"] and q["top1"] >= point["top1"] and q is not point for q in points)
    limit = own["latency_us"] * 1.012
    fitting = [p for p in points if p["origin"] == "uniform" and p["latency_us"] <= limit]
    best = max(fitting, key=lambda p: (p["top1"], -p["latency_us"]))
    cycles = sum(one["cycles"] for one in layers)
    weight, activation = best["label"][1:].split("A")
    cost_keys = ("latency_us", "energy_pj", "size_mib", "bops_g", "ratio")
    return {
        "schema": "dyad.search/1", "version": "0.1.0", "config_hash": "fixture" * 9, "seed": 0, "model": model,
        "data": {"name": "made-up images", "images": 10000}, "method": "exact", "tier": "analytic",
        "accelerator": {"name": "fixture-array", "clock_mhz": CLOCK_MHZ, "batch": BATCH, "peak_binary_ops_per_s": PEAK, "dram_bytes_per_s": DRAM_BYTES_PER_S},
        "limits": [{"name": "latency", "kind": "ratio", "value": ratio, "absolute": limit}],
        "status": "optimal", "objective": own["objective"], "bound": own["objective"], "assignment": chosen,
        "top1": own["top1"], "top5": 99.61, "top1_float": 91.73, "digest": "0" * 64, "logits_mse": own["logits_mse"],
        "cost": {"cycles": cycles, **{key: own[key] for key in cost_keys}, "separable_latency_us": own["latency_us"] * 1.001},
        "layers": layers,
        "best_uniform": {"label": best["label"], "w": int(weight), "a": int(activation), **{key: best[key] for key in cost_keys}, "logits_mse": best["logits_mse"], "top1": best["top1"]},
        "pareto": points, "verified": True,
        "cycle_check": {"analytic_cycles": cycles, "cycle_cycles": cycles + 611, "network_error": 611 / cycles, "worst_layer": layers[-1]["name"],
                        "worst_layer_error": 0.031, "mean_layer_error": 0.0042},
        "sensitivity": {"metric": "output_mse", "images": 1000}, "images": {"calibration": 1000, "evaluation": 10000}, "out": None,
    }


def episodes_document(method, top1s, evaluations=None):
    """A search that scored networks of these accuracies one after another; `evaluations`: the count at the last one."""
    document = search_document("fixture-episodes")
    last = evaluations or len(top1s)
    cost = {key: document["cost"][key] for key in ("latency_us", "energy_pj", "size_mib", "bops_g")}
    history = [{"evaluations": last - len(top1s) + 1 + i, "reward": 0.1 * (top1 - 99), "top1": top1, "logits_mse": 100 - top1, **cost} for i, top1 in enumerate(top1s)]
    document.update(method=method, history=history, reward_images=512)
    if len(top1s) > 1:
        document.update(status="feasible", objective=None, bound=None)
        del document["sensitivity"]
    return document


def simulation_document(model="fixture-resnet"):
    layers, _, cost, _ = network(layer_names(3, "stage{stage}.unit{unit}.body"), lambda i, shape: (8, 8))
    total = {key: sum(one[key] for one in layers) for key in ("cycles", "latency_us", "energy_pj", "stall_cycles", "dram_read_bits", "dram_write_bits")}
    total["utilization"] = sum(one["utilization"] * one["cycles"] for one in layers) / total["cycles"]
    total["energy_breakdown_pj"] = {name: sum(one["energy_breakdown_pj"][name] for one in layers) for name in ("array", "sram", "dram", "leakage", "idle")}
    for one in layers:
        one.pop("loss", None)
        fetch = one["cycles"] - 140
        one["resource_cycles"] = {"compute": one["compute_cycles"], "memory bus": fetch, "fill": one["cycles"] - max(one["compute_cycles"], fetch)}
        if "w" in one:
            saved = one["cycles"] // 8
            one["shadow_price"] = {"w": {"cycles": saved, "energy_pj": 2.0 * saved, "next_bits": 7, "next_cycles": saved, "next_energy_pj": 2.0 * saved},
                                   "a": {"cycles": 0, "energy_pj": 0.0, "next_bits": None}}
    return {
        "schema": "dyad.simulation/1", "version": "0.1.0", "model": model,
        "accelerator": {"name": "fixture-array", "clock_mhz": CLOCK_MHZ, "batch": BATCH, "peak_binary_ops_per_s": PEAK, "dram_bytes_per_s": DRAM_BYTES_PER_S},
        "tier": "cycle", "batch": BATCH, "bits": "W8A8", "layers": layers, "totals": total,
    }


def measured_document(model="fixture-measured"):
    """A simulation whose costs are a user's table: latencies only."""
    document = simulation_document(model)
    document["tier"] = "measured"
    document["accelerator"].update(name="table:fixture.npy", peak_binary_ops_per_s=None, dram_bytes_per_s=None)
    document["notes"] = ["Layers without weights are not in the table: they cost 0."]
    for one in document["layers"]:
        one.update(energy_pj=0, energy_breakdown_pj={}, utilization=0, compute_cycles=0, stall_cycles=0, dram_read_bits=0, dram_write_bits=0, bottleneck="")
        one.pop("resource_cycles")
        if "w" not in one:
            one.update(cycles=0, latency_us=0)
    document["totals"].update(energy_pj=0, energy_breakdown_pj={}, utilization=0, stall_cycles=0, dram_read_bits=0, dram_write_bits=0,
                              **{key: sum(one[key] for one in document["layers"]) for key in ("cycles", "latency_us")})
    return document
