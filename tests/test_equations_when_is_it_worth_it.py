"""The equation of the page "When is it worth it?"."""

from equations import assert_equal, equation, random_point


@equation("eq-worth-time")
def test_time_and_money_are_those_of_all_steps():
    a, n, v, alpha, beta, q = random_point(6, seed=5).abs()
    E, N, B = 3, 40, 8
    for P in (1, 2, 5):
        steps, seconds = 0, 0.0
        for _ in range(E):
            for _ in range(N // B):
                steps += 1
                seconds += a + B / P * (2 * n + 4 * n) / v
                for _ in range(2 * (P - 1)):
                    seconds += alpha + beta * n / P
        assert steps == E * N / B
        printed = E * N / B * (a + 6 * n * B / (P * v) + 2 * (P - 1) * (alpha + beta * n / P))
        assert_equal(printed, seconds)
        assert_equal(q * P * printed, sum(q * seconds for _ in range(P)))
