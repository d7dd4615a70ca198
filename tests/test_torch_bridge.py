"""Networks trained in plain PyTorch: the objective is theirs, the certificate ours."""

import numpy as np
import pytest
import torch
from torch import nn

import ppkit


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((80, 7))
    return X, X @ rng.standard_normal((7, 3)) + 0.3 * rng.standard_normal((80, 3))


def two_layers(n_in, width, n_out, bias=False):
    torch.manual_seed(0)
    layers = nn.Linear(n_in, width, bias=bias), nn.Linear(width, n_out, bias=bias)
    return nn.Sequential(*layers).double()


def loss_of(criterion, prediction, Y):
    if criterion == "mse":
        return nn.MSELoss()(prediction, Y)
    if criterion == "squared":
        return 0.5 * ((prediction - Y) ** 2).sum(1).mean()
    if criterion == "logistic":
        return nn.SoftMarginLoss()(prediction, Y)
    return nn.HuberLoss()(prediction, Y)


@pytest.mark.parametrize("criterion", ["squared", "mse", "logistic", "huber"])
def test_gradient_is_pytorchs(data, criterion):
    X, Y = data
    Y = np.where(Y > 0, 1.0, -1.0) if criterion == "logistic" else Y
    net, decay = two_layers(7, 5, 3), 0.02
    loss_of(criterion, net(torch.tensor(X)), torch.tensor(Y)).backward()
    theirs = [w.grad.numpy() + decay * w.detach().numpy() for w in net.parameters()]
    problem, factors = ppkit.torch_bridge.as_problem(net, X, Y, decay, criterion)
    slope = problem.family.vjp(factors, problem.X, -problem.residual(factors))
    ours = [slope["v"] + problem.lam * factors["v"], (slope["u"] + problem.lam * factors["u"]).T]
    scale = problem.lam / decay  # our objective is this multiple of the one PyTorch minimizes
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, scale * b, rtol=0, atol=1e-13)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("criterion", ["squared", "mse", "logistic", "huber"])
def test_objective_is_a_multiple_of_pytorchs(data, criterion, n_outputs):
    """One factor lam / weight_decay for loss and penalty together, whatever PyTorch averages over."""
    X, Y = data[0], data[1][:, :n_outputs]
    Y = np.where(Y > 0, 1.0, -1.0) if criterion == "logistic" else Y
    net, decay = relu_layers(7, 5, n_outputs, False), 0.02
    penalty = 0.5 * decay * sum(float((w.detach() ** 2).sum()) for w in net.parameters())
    theirs = float(loss_of(criterion, net(torch.tensor(X)), torch.tensor(Y)).detach()) + penalty
    problem, factors = ppkit.torch_bridge.as_problem(net, X, Y, decay, criterion)
    assert problem.objective(factors) == pytest.approx(problem.lam / decay * theirs, rel=1e-12)


def test_trained_to_convergence_is_certified(data):
    X, Y = data
    net, decay = two_layers(7, 5, 3), 0.05
    inputs, targets = torch.tensor(X), torch.tensor(Y)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=decay)
    for _ in range(2000):
        optimizer.zero_grad()
        loss_of("squared", net(inputs), targets).backward()
        optimizer.step()
    cert = ppkit.torch_bridge.certify_module(net, X, Y, decay)
    assert cert.certified(1e-6) and cert.kind == "exact"
    assert cert.verify().certificate is cert


def test_tensors_and_arrays_give_the_same(data):
    X, Y = data
    net = two_layers(7, 5, 3)
    a = ppkit.torch_bridge.certify_module(net, X, Y, 0.1)
    b = ppkit.torch_bridge.certify_module(net, torch.tensor(X), torch.tensor(Y), 0.1)
    assert a.objective == b.objective and a.lower_bound == b.lower_bound


def relu_layers(n_in, width, n_out, bias):
    torch.manual_seed(1)
    layers = nn.Linear(n_in, width, bias=bias), nn.ReLU(), nn.Linear(width, n_out, bias=False)
    return nn.Sequential(*layers).double()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("criterion", ["squared", "mse", "logistic", "huber"])
def test_relu_gradient_is_pytorchs(data, criterion, bias):
    X, Y = data
    Y = np.where(Y > 0, 1.0, -1.0) if criterion == "logistic" else Y
    net, decay = relu_layers(7, 5, 3, bias), 0.02
    loss_of(criterion, net(torch.tensor(X)), torch.tensor(Y)).backward()
    theirs = {name: w.grad.numpy() + decay * w.detach().numpy() for name, w in net.named_parameters()}
    problem, factors = ppkit.torch_bridge.as_problem(net, X, Y, decay, criterion)
    slope = problem.family.vjp(factors, problem.X, -problem.residual(factors))
    first, last = slope["v"] + problem.lam * factors["v"], (slope["u"] + problem.lam * factors["u"]).T
    scale = problem.lam / decay
    np.testing.assert_allclose(last, scale * theirs["2.weight"], rtol=0, atol=1e-13)
    np.testing.assert_allclose(first[:, :7], scale * theirs["0.weight"], rtol=0, atol=1e-13)
    if bias:
        np.testing.assert_allclose(first[:, 7], scale * theirs["0.bias"], rtol=0, atol=1e-13)


def test_trained_relu_network_is_certified(data):
    X, Y = data
    X, Y = X[:, :1], Y[:, :1]
    net, decay = relu_layers(1, 20, 1, True), 0.05
    inputs, targets = torch.tensor(X), torch.tensor(Y)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=decay)
    for _ in range(2000):
        optimizer.zero_grad()
        loss_of("squared", net(inputs), targets).backward()
        optimizer.step()
    cert = ppkit.torch_bridge.certify_module(net, X, Y, decay)
    assert cert.kind == "exact" and cert.certified(0.05)
    best = ppkit.fit(cert.problem, gap=1e-8).certificate
    assert cert.lower_bound <= best.objective <= cert.objective * (1 + 1e-12)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (two_layers(7, 5, 3, bias=True), "bias"),
        (nn.Sequential(nn.Linear(7, 5, bias=False), nn.Tanh(), nn.Linear(5, 3, bias=False)), "Tanh"),
        (nn.Linear(7, 3, bias=False), "Sequential"),
        (nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)), "layer 2 has a bias"),
        (nn.Sequential(nn.Linear(7, 5, bias=False), nn.ReLU()), "ReLU"),
    ],
)
def test_other_modules_are_refused_with_the_reason(data, module, reason):
    with pytest.raises(ppkit.InputError, match=reason):
        ppkit.torch_bridge.certify_module(module, *data, 0.1)


@pytest.mark.parametrize("decay", [0.0, -1.0, float("nan")])
def test_decay_must_be_positive(data, decay):
    with pytest.raises(ppkit.InputError):
        ppkit.torch_bridge.certify_module(two_layers(7, 5, 3), *data, decay)


def test_unknown_criterion_and_wrong_shapes(data):
    X, Y = data
    with pytest.raises(ppkit.InputError, match="criterion"):
        ppkit.torch_bridge.certify_module(two_layers(7, 5, 3), X, Y, 0.1, criterion="l1")
    with pytest.raises(ppkit.InputError, match="shape"):
        ppkit.torch_bridge.certify_module(two_layers(6, 5, 3), X, Y, 0.1)


def heads(d, n_heads, **options):
    torch.manual_seed(2)
    return nn.MultiheadAttention(d, n_heads, batch_first=True, **{"bias": False, **options}).double()


@pytest.mark.parametrize("answers", ["all", "last"])
@pytest.mark.parametrize("n_heads", [1, 2])
def test_attention_predicts_what_pytorch_does(answers, n_heads):
    rng, net = np.random.default_rng(4), heads(4, n_heads)
    X = rng.standard_normal((15, 3, 4))
    with torch.no_grad():
        theirs = net(*[torch.tensor(X)] * 3, need_weights=False)[0].numpy()
    theirs = theirs if answers == "all" else theirs[:, -1]
    problem, factors = ppkit.torch_bridge.as_problem(net, X, np.zeros_like(theirs), 0.02)
    ours = problem.predict(factors)
    np.testing.assert_allclose(ours.reshape(theirs.shape), theirs, rtol=0, atol=1e-13)
    assert len(factors["V"]) == n_heads and problem.family.d_k == 4 // n_heads
    assert problem.family.radius == max(np.linalg.norm(factors[k], axis=(1, 2)).max() for k in "KQ")


def test_trained_attention_has_a_bound_below_pytorchs_objective():
    rng, net, decay = np.random.default_rng(5), heads(2, 2), 0.05
    X = rng.standard_normal((20, 4, 2))
    Y = np.stack([X[:, :, 0].max(axis=1), X[:, 0, 1]], axis=1)
    inputs, targets = torch.tensor(X), torch.tensor(Y)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=decay)
    for _ in range(500):
        optimizer.zero_grad()
        loss = loss_of("squared", net(*[inputs] * 3, need_weights=False)[0][:, -1], targets)
        loss.backward()
        optimizer.step()
    cert = ppkit.torch_bridge.certify_module(net, X, Y, decay)
    theirs = float(loss.detach()) + 0.5 * decay * sum(
        float((w.detach() ** 2).sum()) for w in net.parameters()
    )
    assert cert.kind == "bounded" and cert.lower_bound > 0
    assert cert.lower_bound <= cert.objective <= theirs * (1 + 1e-3)  # the loss is one step older
    assert cert.verify().certificate is cert


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"bias": True}, "bias"),
        ({"add_bias_kv": True}, "extra key"),
        ({"add_zero_attn": True}, "extra key"),
        ({"dropout": 0.1}, "dropout"),
        ({"batch_first": False}, "batch_first"),
        ({"kdim": 3, "vdim": 3}, "kdim"),
    ],
)
def test_other_attention_is_refused_with_the_reason(options, reason):
    net = nn.MultiheadAttention(4, 2, **{"bias": False, "batch_first": True, **options})
    with pytest.raises(ppkit.InputError, match=reason):
        ppkit.torch_bridge.certify_module(net, np.zeros((5, 3, 4)), np.zeros((5, 3, 4)), 0.1)


def test_attention_needs_tokens():
    with pytest.raises(ppkit.InputError, match="N, T, d"):
        ppkit.torch_bridge.certify_module(heads(4, 2), np.zeros((5, 4)), np.zeros((5, 4)), 0.1)


@pytest.mark.parametrize("mask", ["attn_mask", "key_padding_mask"])
def test_masked_attention_is_refused_where_its_predictions_are_given(mask):
    """Masks are arguments of a call and no attribute of the module: only its answers show them."""
    rng, net = np.random.default_rng(6), heads(4, 2)
    X = rng.standard_normal((6, 3, 4))
    masks = {
        "attn_mask": torch.triu(torch.ones(3, 3, dtype=torch.bool), 1),
        "key_padding_mask": torch.tensor([[False, False, True]] * 6),
    }
    with torch.no_grad():
        plain = net(*[torch.tensor(X)] * 3)[0]
        masked = net(*[torch.tensor(X)] * 3, **{mask: masks[mask]})[0]
    ppkit.torch_bridge.certify_module(net, X, 0.0 * X, 0.1, effort="fast", predictions=plain)
    with pytest.raises(ppkit.InputError, match="masks"):
        ppkit.torch_bridge.certify_module(net, X, 0.0 * X, 0.1, predictions=masked)


def test_a_module_that_computes_something_else_is_refused(data):
    net = two_layers(7, 5, 3)
    net.register_forward_hook(lambda module, inputs, output: 2 * output)
    with pytest.raises(ppkit.InputError, match="forward pass"):
        ppkit.torch_bridge.certify_module(net, *data, 0.1)


def test_single_precision_is_no_difference(data):
    cert = ppkit.torch_bridge.certify_module(two_layers(7, 5, 3).float(), *data, 0.1)
    assert cert.kind == "exact"
