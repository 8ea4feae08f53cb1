from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kpi.values import units
from kpi.values.units import ONE, PER_MILLE, PER_MILLE_POINTS, PERCENT, POINTS, YES_NO, Unit, UnitError, parse
from kpi.values.units.vocabulary import COUNTING_WORDS, MULTIPLES, meaning, vocabulary

ROOT = Path(__file__).resolve().parents[1]

WORDS = sorted(vocabulary())
SPELLED = WORDS + sorted(m + w for m in MULTIPLES for w in WORDS if meaning(m + w) is not None)
WORD = st.sampled_from(SPELLED)
TEXTS = st.one_of(
    WORD,
    st.tuples(WORD, WORD).map("/".join),
    st.tuples(WORD, WORD).map("·".join),
    st.tuples(WORD, WORD, WORD).map(lambda three: f"{three[0]}/({three[1]}·{three[2]})"),
)
UNITS = TEXTS.map(parse)


def kin(unit: Unit) -> st.SearchStrategy[Unit]:
    """Units of one dimension."""
    return st.sampled_from([item for item in map(parse, SPELLED) if item.dimension == unit.dimension])


FAMILIES = WORD.map(parse).flatmap(lambda unit: st.tuples(kin(unit), kin(unit), kin(unit)))


# What the words mean


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("亿元", "万元", 10_000.0),
        ("千元", "元", 1_000.0),
        ("百万元", "千万元", 0.1),
        ("亿美元", "万美元", 10_000.0),
        ("公顷", "亩", 15.0),
        ("平方公里", "亩", 1_500.0),
        ("万亩", "公顷", 10_000 / 15),
        ("平方千米", "km²", 1.0),
        ("万㎡", "平方米", 10_000.0),
        ("km", "米", 1_000.0),
        ("千米", "公里", 1.0),
        ("万吨", "公斤", 1e7),
        ("吨公里", "吨·公里", 1.0),
        ("万吨标准煤", "吨标煤", 10_000.0),
        ("亿千瓦时", "万度", 10_000.0),
        ("万kWh", "千瓦时", 10_000.0),
        ("立方米", "升", 1_000.0),
        ("小时", "分钟", 60.0),
        ("日", "小时", 24.0),
        ("年", "月", 12.0),
        ("季度", "个月", 3.0),
        ("TB", "GB", 1_000.0),
        ("Gbps", "Mbps", 1_000.0),
        ("1", "%", 100.0),
        ("‰", "%", 0.1),
        ("倍", "%", 100.0),
        ("成", "%", 10.0),
        ("千分点", "百分点", 0.1),
        ("个百分点", "百分点", 1.0),
        ("名", "人", 1.0),
        ("名次", "位", 1.0),
        ("星级", "星", 1.0),
        ("万元/亩", "元/平方米", 15.0),
        ("个/万人", "个/人", 1e-4),
        ("件/万人", "万件/亿人", 1.0),
        ("万元/人", "元/人", 10_000.0),
        ("人/平方公里", "人/公顷", 0.01),
        ("微克/立方米", "mg/m3", 1e-3),
        ("吨标准煤/万元", "千克标准煤/元", 0.1),
        ("元/人/月", "元/(人·月)", 1.0),
        ("亿元/万元", "%", 1e6),
        ("(元/人)²", "元²/人²", 1.0),
    ],
)
def test_factor(source, target, expected):
    assert units.factor(parse(source), parse(target)) == expected


@pytest.mark.parametrize("word", sorted(COUNTING_WORDS))
def test_every_counting_word_is_its_own_dimension_and_has_multiples(word):
    unit = parse(word)
    assert [other for other in WORDS if parse(other).dimension == unit.dimension] == [word]
    for multiple, times in MULTIPLES.items():
        assert units.factor(parse(multiple + word), unit) == times
    assert units.summable(unit)


def test_a_name_that_begins_with_a_multiple_has_the_size_it_says():
    answer = [(word, m, word.removeprefix(m)) for word in WORDS for m in MULTIPLES if word.startswith(m)]
    named = [(word, m, rest) for word, m, rest in answer if rest in WORDS]
    assert {word for word, _, _ in named} >= {"千克", "千米", "千瓦", "千克标准煤"}
    for word, multiple, rest in named:
        assert parse(word).scale == MULTIPLES[multiple] * parse(rest).scale, word


@pytest.mark.parametrize(
    "text", ["百分", "万级", "千位", "百%", "万百分点", "百年", "万个月", "万万元", "亿是/否", "千倍"]
)
def test_what_has_no_multiples(text):
    with pytest.raises(UnitError):
        parse(text)


def test_sizes_are_exact_fractions():
    assert parse("亩").scale == Fraction(2000, 3)
    assert parse("微克").scale == Fraction(1, 10**6)
    assert parse("比特").scale == Fraction(1, 8)
    assert all(type(scale) is Fraction for scale, _ in vocabulary().values())


@pytest.mark.parametrize(
    ("constant", "text"),
    [(ONE, "1"), (PERCENT, "%"), (PER_MILLE, "‰"), (POINTS, "百分点"), (PER_MILLE_POINTS, "千分点"), (YES_NO, "是/否")],
)
def test_constants_are_what_their_text_parses_to(constant, text):
    assert parse(text) == constant
    assert str(constant) == text


# Reading texts


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("元／人", "元/人"),
        ("％", "%"),
        ("㎡", "m²"),
        ("km2", "km²"),
        ("km^2", "km²"),
        ("元∕人", "元/人"),
        (" 万元 / 亩 ", "万元/亩"),
        ("\ufeff万元\u3000", "万元"),
        ("（万元）", "万元"),
        ("吨×公里", "吨·公里"),
        ("人**2", "人²"),
        ("人⁻¹", "人⁻¹"),
        ("µg/m³", "μg/m³"),
        ("是否", "是/否"),
    ],
)
def test_cleaned_text(written, cleaned):
    assert str(parse(written)) == cleaned


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("公倾", "`公倾` is not a unit", "`公顷`"),
        ("万公倾", "`万公倾` is not a unit", "`万公顷`"),
        ("平方公理", "`平方公理` is not a unit", "`平方公里`"),
        ("元/平方公理", "`平方公理` is not a unit (in `元/平方公理`)", "`平方公里`"),
        ("kwh", "`kwh` is not a unit", "`kWh`"),
        ("KM", "`KM` is not a unit", "`km`"),
        ("kms", "`kms` is not a unit", "did you mean"),
        ("杆", "`杆` is not a unit", "`杆` counts things, declare it"),
        ("万杆", "`万杆` is not a unit", "`杆` counts things, declare it"),
        ("万", "`万` is not a unit", "万件"),
        ("兆", "`兆` is not a unit", "MB"),
        ("元/人·月", "two ways", "a/(b·c)"),
        ("件/100人", "`件/100人` is not a unit: a unit holds no number", "万人"),
        ("万元2", "cannot be raised", "(万元)²"),
        ("1,000元", "is not a unit", None),
        ("—", "`—` is not a unit", None),
        ("", "no unit is given", None),
        ("元//人", "missing before `/`", None),
        ("元/", "missing at the end", None),
        ("(元/人", "not closed", None),
        ("元)", "`)` does not belong", None),
        ("元^0", "power 0", None),
        ("元" * 300, "too long", None),
    ],
)
def test_what_is_no_unit(text, message, hint):
    with pytest.raises(UnitError) as caught:
        parse(text)
    assert message in caught.value.message
    assert str(caught.value) == caught.value.message
    if hint is None:
        assert caught.value.hint is None
    else:
        assert hint in caught.value.hint


@given(
    st.text(st.sampled_from("元件万亿百克千米人分点%‰是否/·*()^-²m2 １／（）a.1０、"), max_size=12)
    | st.text(max_size=8)
)
@example("是/否/否")
@example("(" * 199)
@example("元^99999999")
def test_any_text_is_a_unit_or_a_unit_error(text):
    try:
        unit = parse(text)
    except UnitError:
        return
    assert parse(str(unit)) == unit
    assert unit.scale > 0


@given(UNITS)
def test_a_unit_is_what_its_text_says(unit):
    assert parse(str(unit)) == unit
    assert pickle.loads(pickle.dumps(unit)) == unit  # noqa: S301


def test_errors_survive_pickling():
    result = units.conversion(["公倾"], parse("亩"))["公倾"]
    back = pickle.loads(pickle.dumps(result))  # noqa: S301
    assert (back.message, back.hint) == (result.message, result.hint)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("3 万件", 3.0, "万件"),
        ("12.5%", 12.5, "%"),
        ("7.5", 7.5, None),
        ("-1.5个百分点", -1.5, "个百分点"),
        ("−2 %", -2.0, "%"),
        ("1,234.5 万元", 1234.5, "万元"),
        ("１２，３４５", 12345.0, None),
        ("+20 元/(人·月)", 20.0, "元/(人·月)"),
        ("1e-05", 1e-05, None),
        ("10 万㎡", 10.0, "万m²"),
    ],
)
def test_split_quantity(text, number, unit):
    assert units.split_quantity(text) == (number, None if unit is None else parse(unit))


@pytest.mark.parametrize(
    "text", ["", "万件", "≥95", "1,23", "1 000", "1.2.3", "nan", "inf", "1e999", "3 万", "5 杆", "--1", "."]
)
def test_what_is_no_quantity(text):
    with pytest.raises(UnitError) as caught:
        units.split_quantity(text)
    assert caught.value.hint is not None


# Converting


@pytest.mark.parametrize(
    ("source", "target", "says", "hint"),
    [
        ("亿元", "件", "亿元 cannot be converted to 件: 亿元 is money, 件 counts 件", None),
        ("户", "家", "户 counts 户, 家 counts 家", "kind of thing"),
        ("元", "美元", "元 is money, 美元 is US dollars", None),
        ("%", "百分点", "% is a pure ratio, 百分点 is percentage points", "difference of two %"),
        ("天", "月", "天 is time, 月 is months", "no fixed number of days"),
        ("万元/亩", "万元", "万元/亩 is money per area", None),
        ("分", "%", "分 is score", None),
        ("1/人", "元", "1/人 is a number per 人", None),
        ("人公里", "公里", "人公里 is length times 人", None),
    ],
)
def test_factor_refuses_other_dimensions(source, target, says, hint):
    assert not units.convertible(parse(source), parse(target))
    with pytest.raises(UnitError) as caught:
        units.factor(parse(source), parse(target))
    assert says in caught.value.message
    if hint is None:
        assert caught.value.hint is None
    else:
        assert hint in caught.value.hint


@given(FAMILIES)
def test_factors_are_inverse_and_transitive(family):
    a, b, c = family
    assert units.factor(a, b) * units.factor(b, a) == pytest.approx(1, rel=1e-12)
    assert units.factor(a, b) * units.factor(b, c) == pytest.approx(units.factor(a, c), rel=1e-12)
    assert units.factor(a, a) == 1.0


@given(UNITS, UNITS)
def test_there_is_a_factor_exactly_where_convertible(a, b):
    if units.convertible(a, b):
        assert units.factor(a, b) > 0
    else:
        with pytest.raises(UnitError):
            units.factor(a, b)


def test_a_factor_is_never_zero_or_infinite():
    huge, small = units.power(parse("万亿元"), 99), units.power(parse("元"), 99)
    for source, target in ((huge, small), (small, huge)):
        with pytest.raises(UnitError, match="too far apart"):
            units.factor(source, target)
    with pytest.raises(UnitError, match="raised to 100"):
        units.power(parse("元"), 100)


def test_conversion_answers_once_for_each_text():
    result = units.conversion(iter(["万元", "亿元", "件", "公倾", "", "万元", "％"]), parse("亿元"))
    assert list(result) == ["万元", "亿元", "件", "公倾", "", "％"]
    assert (result["万元"], result["亿元"]) == (1e-4, 1.0)
    assert [str(result[text]) for text in ("公倾", "")] == ["`公倾` is not a unit", "no unit is given"]
    assert "件 counts 件, 亿元 is money" in str(result["件"])
    assert "公顷" in result["公倾"].hint
    assert "% is a pure ratio" in str(result["％"])


# Algebra


@pytest.mark.parametrize(
    ("first", "second", "product", "quotient"),
    [
        ("元", "件", "元·件", "元/件"),
        ("1", "元", "元", "1/元"),
        ("元", "1", "元", "元"),
        ("元/人", "人", "元", "元/人²"),
        ("元/人", "月", "元·月/人", "元/(人·月)"),
        ("%", "万元", "%·万元", "%/万元"),
        ("亿元", "万元", "亿元·万元", "亿元/万元"),
        ("件", "件", "件²", "1"),
        ("万件", "万件", "(万件)²", "1"),
        ("米", "米", "米²", "1"),
        ("m", "m", "(m)²", "1"),
        ("m²", "m²", "(m²)²", "1"),
        ("%", "%", "(%)²", "1"),
        ("元", "是/否", "元·是/否", "元/是/否"),
    ],
)
def test_products_and_quotients(first, second, product, quotient):
    a, b = parse(first), parse(second)
    assert str(units.multiply(a, b)) == product
    assert str(units.divide(a, b)) == quotient
    assert parse(product).scale == a.scale * b.scale
    assert parse(quotient).scale == a.scale / b.scale


def test_a_quotient_of_one_dimension_keeps_its_scale():
    ratio = units.divide(parse("亿元"), parse("万元"))
    assert ratio.dimension == ()
    assert units.factor(ratio, PERCENT) == 10_000 * 100
    assert units.divide(parse("件"), parse("件")) == ONE


@given(UNITS, UNITS, st.integers(-3, 3))
def test_algebra_laws(a, b, n):
    product, quotient = units.multiply(a, b), units.divide(a, b)
    assert units.factor(product, units.multiply(b, a)) == 1.0
    assert units.factor(units.multiply(quotient, b), a) == 1.0
    assert units.divide(a, a) == ONE
    assert units.factor(units.power(product, n), units.multiply(units.power(a, n), units.power(b, n))) == 1.0
    for created in (product, quotient, units.power(a, n)):
        assert parse(str(created)) == created


@pytest.mark.parametrize(
    ("operation", "first", "second", "unit", "factor"),
    [
        (units.subtract, "%", "%", "百分点", 1.0),
        (units.subtract, "%", "‰", "百分点", 0.1),
        (units.subtract, "‰", "‰", "千分点", 1.0),
        (units.subtract, "‰", "%", "千分点", 10.0),
        (units.subtract, "%", "百分点", "%", 1.0),
        (units.subtract, "‰", "百分点", "‰", 10.0),
        (units.subtract, "百分点", "百分点", "百分点", 1.0),
        (units.subtract, "百分点", "千分点", "百分点", 0.1),
        (units.subtract, "1", "%", "1", 0.01),
        (units.subtract, "亿元", "万元", "亿元", 1e-4),
        (units.add, "%", "%", "%", 1.0),
        (units.add, "%", "百分点", "%", 1.0),
        (units.add, "%", "千分点", "%", 0.1),
        (units.add, "百分点", "%", "%", 1.0),
        (units.add, "千分点", "%", "‰", 10.0),
        (units.add, "百分点", "百分点", "百分点", 1.0),
        (units.add, "1", "%", "1", 0.01),
        (units.add, "万户", "户", "万户", 1e-4),
        (units.add, "元/人", "万元/万人", "元/人", 1.0),
    ],
)
def test_sums_and_differences(operation, first, second, unit, factor):
    assert operation(parse(first), parse(second)) == (parse(unit), factor)


@pytest.mark.parametrize(
    ("operation", "first", "second", "message"),
    [
        (units.subtract, "户", "家", "家 cannot be subtracted from 户: 户 counts 户, 家 counts 家"),
        (units.subtract, "百分点", "%", "% cannot be subtracted from 百分点"),
        (units.add, "元", "%", "% cannot be added to 元"),
        (units.add, "1", "元", "元 cannot be added to 1"),
        (units.add, "基点", "%", "% cannot be added to 基点"),
        (units.add, "是/否", "是/否", "是/否 is not an amount"),
        (units.subtract, "是/否", "个", "是/否 is not an amount"),
        (units.subtract, "亿元", "亿元/人", "亿元 is money, 亿元/人 is money per 人"),
    ],
)
def test_what_cannot_be_added(operation, first, second, message):
    with pytest.raises(UnitError) as caught:
        operation(parse(first), parse(second))
    assert message in caught.value.message


@pytest.mark.parametrize(
    "text", ["亿元", "美元", "万件", "亩", "公里", "吨", "吨标准煤", "千瓦时", "分钟", "人·天", "GB", "%·万元"]
)
def test_summable(text):
    assert units.summable(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "%",
        "‰",
        "倍",
        "1",
        "百分点",
        "是/否",
        "位",
        "分",
        "级",
        "星",
        "指数",
        "万元/人",
        "件/件",
        "Mbps",
        "微克/m³",
        "1/人",
    ],
)
def test_not_summable(text):
    assert not units.summable(parse(text))


# Declared counting words


def test_declared_words_hold_within_the_block_and_their_units_after_it():
    with units.declared(["杆", "件"]):
        poles = parse("万杆")
        assert units.split_quantity("3 杆") == (3.0, parse("杆"))
        with units.declared(["丛"]):
            assert str(units.divide(parse("杆"), parse("丛"))) == "杆/丛"
        with pytest.raises(UnitError):
            parse("丛")
    with pytest.raises(UnitError, match="`杆` is not a unit"):
        parse("杆")
    assert str(units.divide(poles, parse("亩"))) == "万杆/亩"
    assert units.conversion(["亿杆"], poles) == {"亿杆": 10_000.0}
    assert isinstance(units.conversion(["丛"], poles)["丛"], UnitError)
    assert units.summable(poles)


def test_declared_words_are_unknown_to_other_threads():
    with units.declared(["杆"]), ThreadPoolExecutor(1) as pool:
        assert str(parse("杆")) == "杆"
        assert "is not a unit" in str(pool.submit(units.conversion, ["杆"], ONE).result()["杆"])


@pytest.mark.parametrize("word", ["亩", "万件", "pole", "杆2", "a/b", "", "万丛", "%", "百"])
def test_what_cannot_be_declared(word):
    with pytest.raises(UnitError, match="cannot be declared"), units.declared([word]):
        pass


# Running


def test_threads_agree_on_a_cold_start():
    script = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from kpi.values import units\n"
        "texts = ['万元', '亿元/万人', '吨标准煤/万元', '件/人'] * 16\n"
        "with ThreadPoolExecutor(16) as pool:\n"
        "    found = list(pool.map(units.parse, texts))\n"
        "assert found == [units.parse(text) for text in texts]\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_measured_units_are_those_that_pint_computes():
    script = "import runpy; print(runpy.run_path('docs/units.py')['text'](), end='')"
    computed = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, cwd=ROOT, timeout=60
    ).stdout
    assert computed == (ROOT / "kpi/values/units/measured.json").read_bytes(), "run python docs/units.py"


def test_units_are_parsed_without_pint():
    script = (
        "import sys; from kpi.values import units; units.parse('亿元/万人'); "
        "sys.exit('pint' in sys.modules or 'polars' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("10 thousand people", "万人"), ("thousands of persons", "千人"), ("10 000 persons", "万人"),
        ("million US dollars", "百万美元"), ("US$ million", "百万美元"), ("10,000 tons", "万吨"),
        ("1,000 hectares", "千公顷"), ("100 million kWh", "亿千瓦时"), ("10,000 km", "万公里"), ("sq km", "平方公里"),
        ("yuan per capita", "元/人"), ("yuan/person", "元/人"), ("10,000 yuan/mu", "万元/亩"), ("per cent", "%"),
        ("percentage points", "百分点"), ("Households", "户"),
    ],
)  # fmt: skip
def test_english_names_of_units_are_those_of_chinese_ones(text, chinese):
    english, own = parse(text), parse(chinese)
    assert (english.scale, english.dimension) == (own.scale, own.dimension)


@pytest.mark.parametrize("text", ["million", "thousands", "beds", "yuan per person per year", "million KM", "peopless"])
def test_english_words_that_are_no_units_are_none(text):
    with pytest.raises(UnitError):
        parse(text)
