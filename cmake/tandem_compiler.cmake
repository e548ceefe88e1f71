# SPDX-License-Identifier: Apache-2.0
# Compiler switches that every target of tandem shares.
find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness is what ccache's manual asks for with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_library(tandem_flags INTERFACE)
target_compile_options(tandem_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)
if(TANDEM_WARNINGS_AS_ERRORS)
  target_compile_options(tandem_flags INTERFACE -Werror)
endif()
target_include_directories(tandem_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(TANDEM_SANITIZE)
  # -O1: instrumented code takes several times as long to optimise, and its tests do not get faster by it.
  # -Wmaybe-uninitialized has false alarms in instrumented code, as GCC's manual says.
  add_compile_options(-O1 -fsanitize=${TANDEM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
                      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_link_options(-fsanitize=${TANDEM_SANITIZE})
endif()
