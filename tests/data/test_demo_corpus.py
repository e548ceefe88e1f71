# SPDX-License-Identifier: Apache-2.0
"""Tests of tools/groff_text.py and the filters of tools/demo_corpus.py."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import demo_corpus  # noqa: E402
import groff_text  # noqa: E402


class GroffText(unittest.TestCase):
    def check(self, source, *expected):
        self.assertEqual(groff_text.paragraphs(source), list(expected))

    def test_running_text_is_joined_without_a_space_between_chinese(self):
        self.check("本协议\n是实现的。\n使用\n.BR connect (2)\n来与另一个", "本协议是实现的。使用 connect(2) 来与另一个")

    def test_headings_and_tags_start_paragraphs(self):
        self.check('.TH X 1\n.SH "名 称"\nls \\- 列出\n.TP\n\\fB\\-a\\fP\n不要忽略\n.IP "一" 4\n二',
                   "名 称", "ls - 列出", "-a 不要忽略", "一 二")

    def test_escapes_print_what_they_name(self):
        self.check(r"\s-1甲\s0\e\(bu\[lq]乙\*(R"
                   "\"" r"\h'1n'\&丙\fIx\fR\(aq\n(.$", "甲\\•“乙”丙x'")

    def test_comments_definitions_and_conditions_are_left_out(self):
        self.check('.\\" 注释\n.de XX\n宏\n..\n.if n \\{\\\n里面\n.\\}\n外面\\" 尾\n.nr a 1', "外面")

    def test_verbatim_lines_stay_apart(self):
        self.check(".nf\n一\n二\n.fi\n三\n四", "一", "二", "三四")

    def test_mdoc_words_lose_their_macro_names(self):
        self.check(".Sh 描述\n命令\n.Nm ls\n用\n.Fl a Ar file\n。", "描述", "命令 ls 用 -a file 。")


class Filters(unittest.TestCase):
    def test_normalisation_keeps_chinese_marks_and_narrows_letters(self):
        self.assertEqual(demo_corpus.normalised("Ａ１，“甲”\u3000\u200b乙\u00a0 e\u0301 "), "A1，“甲” 乙 é")

    def test_lines_with_little_chinese_are_dropped(self):
        self.assertTrue(demo_corpus.is_chinese("列出目录 ls"))
        self.assertFalse(demo_corpus.is_chinese("目录"))
        self.assertFalse(demo_corpus.is_chinese("a long line of English with 四个汉字 in the middle of it"))

    def test_wrapped_lines_are_joined_and_verses_are_not(self):
        wide = "在这种规模的项目中很难避免遇到与你意见不和或者难以合作的人请"
        self.assertEqual(list(demo_corpus.unwrapped([wide, "接受。", "兰叶春葳蕤，", "桂华秋皎洁。"])),
                         [wide + "接受。", "兰叶春葳蕤，", "桂华秋皎洁。"])

    def test_sections_of_html_lose_markup_and_listings(self):
        page = demo_corpus.Html()
        page.feed("<head><title>x</title></head><body><p>甲<code>ls</code>乙\n丙</p><pre>代码</pre><h2>丁</h2><li>戊</li>")
        page.end()
        self.assertEqual(page.sections, [["甲ls乙丙"], ["丁", "戊"]])

    def test_about_two_percent_are_held_out(self):
        held_out = sum(demo_corpus.is_held_out(f"name {i}") for i in range(10000))
        self.assertTrue(150 < held_out < 250, held_out)


if __name__ == "__main__":
    unittest.main()
