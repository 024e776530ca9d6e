"""HAWQ-V3's published inputs as a dyad.choices/1 document."""


def choices_of(data, network):
    """Choices of `network` ("resnet18") from the content of hawq/ilp_inputs.json.

    loss = trace * |dW|^2; size = parameters * bits / 8; bit operations are MACs / 64 at 4 bits and MACs / 16 at 8.
    Source: HAWQ-V3's integer-program notebook (Yao et al., 2021).
    """
    inputs = data["inputs"][network]
    names = data["layers"][network]
    layers = []
    for i, name in enumerate(names):
        layers.append({"name": name, "choices": [
            {"w": b, "a": b, "loss": inputs["Hutchinson_trace"][i] * inputs[f"delta_weights_{b}bit_square"][i],
             "costs": {"size": inputs["parameters"][i] * b / 8, "bops": inputs["bops"][i] / (64 if b == 4 else 16),
                       "latency": inputs[f"latency_int{b}"][i]}} for b in (4, 8)]})
    return {"schema": "dyad.choices/1", "layers": layers,
            "ties": [[names[i] for i in tie] for tie in data["equality_constraints"][network]]}
