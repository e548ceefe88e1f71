// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "scratch_folder.h"
#include "tandem/base/random.h"

namespace tandem::data {

/// Returns invented Chinese sentences, one a line, from a fixed seed.
inline std::string invented_text(int lines) {
  const char* who[] = {"老师", "工程师", "农民", "医生", "学生", "朋友", "邻居", "作家"};
  const char* when[] = {"今天", "昨天", "明年", "每个星期", "春天", "早上"};
  const char* what[] = {"在公园里散步", "写了一封长信", "修理旧机器",   "学习新的语言",
                        "看完一本书",   "准备晚饭",     "整理数据文件", "讨论分布式训练"};
  const char* end[] = {"，心情很好。", "，然后回家。", "！", "，一共3次。", "，用了 Linux 系统。"};
  const CounterRandom random(11, "invented text");
  std::string text;
  for (int line = 0; line < lines; ++line) {
    const auto sentences = 1 + random.below(line, 6);
    for (uint64_t i = 0; i < sentences; ++i) {
      const CounterRandom here = random.split(line, i);
      text += std::string(when[here.below(0, 6)]) + who[here.below(1, 8)] + what[here.below(2, 8)] +
              end[here.below(3, 5)];
    }
    text += '\n';
  }
  return text;
}

}  // namespace tandem::data
