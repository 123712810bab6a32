"""BG/NBD and Pareto/NBD say what they assume: against integrals, simulated people and the paper's figures."""

from pathlib import Path
from types import ModuleType

import duckdb
import numpy as np
import pytest
from scipy import special

from models_ml import bg_nbd, pareto_nbd
from models_ml.likelihood import Histories, NoFit, maximise

SUMMARY = Path(__file__).resolve().parents[3] / "shared/data/cdnow/cdnow_customers_summary_with_transactions.csv.zst"
BG = bg_nbd.Parameters(r=1.3, alpha=6.0, a=1.7, b=3.1)
PARETO = [
    pareto_nbd.Parameters(r=1.3, alpha=6.0, s=1.4, beta=9.0),
    pareto_nbd.Parameters(r=1.3, alpha=9.0, s=1.4, beta=6.0),
    pareto_nbd.Parameters(r=1.3, alpha=6.0, s=1.0, beta=6.0),
]
ROWS = Histories(np.array([0.0, 0, 1, 3, 8]), np.array([0.0, 0, 2, 11, 5.5]), np.array([3.0, 20, 20, 12, 20]))
HORIZON = 7.0


def _gamma(shape: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights under which a sum is the mean over a gamma distribution (Gauss and Laguerre)."""
    nodes, weights = special.roots_genlaguerre(90, shape - 1)
    return nodes / rate, weights / special.gamma(shape)


def _beta(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = special.roots_jacobi(90, b - 1, a - 1)
    return (nodes + 1) / 2, weights / weights.sum()


def _integrals(x: float, t_x: float, t: float, p: pareto_nbd.Parameters) -> tuple[float, float, float, float]:
    """Likelihood, P(alive), expected and P(any) of a history, summed over rates of ordering and of leaving."""
    (lam, lam_weight), (mu, mu_weight) = _gamma(p.r, p.alpha), _gamma(p.s, p.beta)
    lam, mu, weight = lam[:, None], mu[None, :], lam_weight[:, None] * mu_weight[None, :]
    both = lam + mu
    living = lam**x * np.exp(-both * t)
    left = lam**x * mu / both * (np.exp(-both * t_x) - np.exp(-both * t))
    total = float((weight * (living + left)).sum())
    none = np.exp(-both * HORIZON) + mu / both * -np.expm1(-both * HORIZON)
    later = lam / mu * -np.expm1(-mu * HORIZON)
    return total, *(float((weight * living * what).sum()) / total for what in (1.0, later, 1 - none))


@pytest.mark.parametrize("p", PARETO, ids=["alpha_below_beta", "alpha_above_beta", "alpha_is_beta_and_s_one"])
def test_pareto_nbd_is_the_integral_over_all_rates(p: pareto_nbd.Parameters) -> None:
    wanted = np.array([_integrals(*row, p) for row in zip(ROWS.x, ROWS.t_x, ROWS.T, strict=True)])
    found = np.column_stack(
        [
            np.exp(pareto_nbd.log_likelihood(p, ROWS)),
            pareto_nbd.alive(p, ROWS),
            pareto_nbd.expected(p, ROWS, HORIZON),
            pareto_nbd.any_order(p, ROWS, HORIZON),
        ]
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-7)


def test_bg_nbd_is_the_integral_over_all_rates() -> None:
    (lam, lam_weight), (leave, leave_weight) = _gamma(BG.r, BG.alpha), _beta(BG.a, BG.b)
    lam, leave, weight = lam[:, None], leave[None, :], lam_weight[:, None] * leave_weight[None, :]
    wanted = []
    for x, t_x, t in zip(ROWS.x, ROWS.t_x, ROWS.T, strict=True):
        living = lam**x * (1 - leave) ** x * np.exp(-lam * t)
        left = leave * (1 - leave) ** (x - 1) * lam**x * np.exp(-lam * t_x) if x else 0.0
        total = (weight * (living + left)).sum()
        later = -np.expm1(-lam * leave * HORIZON) / leave
        means = [(weight * living * what).sum() / total for what in (1.0, later, -np.expm1(-lam * HORIZON))]
        wanted.append([total, *means])
    found = np.column_stack(
        [
            np.exp(bg_nbd.log_likelihood(BG, ROWS)),
            bg_nbd.alive(BG, ROWS),
            bg_nbd.expected(BG, ROWS, HORIZON),
            bg_nbd.any_order(BG, ROWS, HORIZON),
        ]
    )
    np.testing.assert_allclose(found, np.array(wanted), rtol=1e-6)


def test_probabilities_of_counts_sum_to_one_and_agree_with_simulated_people() -> None:
    told = bg_nbd.counts(BG, 20.0, 400)
    assert told.sum() == pytest.approx(1.0, abs=1e-9)
    seen, _ = bg_nbd.simulate(BG, np.full(40_000, 20.0), 1.0, np.random.default_rng(1))
    shares = np.bincount(seen.x.astype(int), minlength=8)[:8] / len(seen.x)
    np.testing.assert_allclose(shares, told[:8], atol=0.008)


@pytest.mark.parametrize(("model", "p"), [(bg_nbd, BG), (pareto_nbd, PARETO[0])], ids=["bg_nbd", "pareto_nbd"])
def test_simulated_people_give_the_parameters_back_and_order_as_foreseen(model: ModuleType, p: object) -> None:
    rng = np.random.default_rng(7)
    seen, later = model.simulate(p, rng.uniform(20, 40, 30_000), 20.0, rng)
    found = model.fit(seen.grouped())
    expected, any_order = model.expected(found, seen, 20.0), model.any_order(found, seen, 20.0)
    assert np.log([*vars(found).values()]) == pytest.approx(np.log([*vars(p).values()]), abs=0.25)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.03)
    assert any_order.mean() == pytest.approx((later > 0).mean(), abs=0.01)
    for few in (0, 1, 2):
        group = seen.x == few
        error = later[group].std() / group.sum() ** 0.5
        assert abs(expected[group].mean() - later[group].mean()) < 4 * error


def test_the_paper_s_parameters_come_out_of_its_data() -> None:
    """Fader, Hardie and Lee (2005), table 2; Pareto/NBD of the same people from the same table."""
    if not SUMMARY.exists():
        pytest.skip("needs cdnow of the real data in ../shared/data")
    columns = duckdb.sql(f"select x::double as x, t_x::double as t_x, T::double as t from '{SUMMARY}'").fetchnumpy()
    people = Histories(columns["x"], columns["t_x"], columns["t"])
    bg, pareto = bg_nbd.fit(people.grouped()), pareto_nbd.fit(people.grouped())
    assert [round(value, 3) for value in vars(bg).values()] == [0.243, 4.414, 0.793, 2.426]
    assert bg_nbd.log_likelihood(bg, people).sum() == pytest.approx(-9582.4, abs=0.05)
    assert [*vars(pareto).values()] == pytest.approx([0.553, 10.578, 0.606, 11.669], rel=1e-3)
    assert pareto_nbd.log_likelihood(pareto, people).sum() == pytest.approx(-9595.0, abs=0.05)


def test_pareto_nbd_keeps_its_digits_for_busy_people_and_parameters_alike() -> None:
    busy = Histories(np.array([900.0, 900, 0]), np.array([51.99, 10, 0]), np.array([52.0, 52, 0]))
    for p in (
        PARETO[0],
        pareto_nbd.Parameters(1.3, 6.0, 1.4, 6.0 + 1e-9),
        pareto_nbd.Parameters(0.2, 900.0, 20.0, 0.1),
    ):
        alive = pareto_nbd.alive(p, busy)
        assert np.isfinite(pareto_nbd.log_likelihood(p, busy)).all()
        assert np.isfinite(pareto_nbd.expected(p, busy, 52.0)).all()
        assert ((alive >= 0) & (alive <= 1)).all()
        assert alive[0] > alive[1]
        assert alive[2] == 1.0


def test_people_alike_are_one_row_and_the_fit_is_the_same() -> None:
    rng = np.random.default_rng(3)
    seen, _ = pareto_nbd.simulate(PARETO[0], np.repeat([20.0, 30.0], 400), 1.0, rng)
    days = Histories(seen.x, np.ceil(seen.t_x), seen.T)
    grouped = days.grouped()
    assert len(grouped.x) < len(days.x)
    assert vars(pareto_nbd.fit(grouped)) == pytest.approx(vars(pareto_nbd.fit(days)), rel=1e-4)


def test_a_likelihood_without_a_maximum_is_an_error_that_says_so() -> None:
    with pytest.raises(NoFit, match="could not be maximised"):
        maximise(lambda _: np.full(5, np.nan), 2, ROWS)
