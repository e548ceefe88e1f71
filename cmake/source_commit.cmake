# SPDX-License-Identifier: Apache-2.0
# cmake -DSOURCE=DIR -DHEADER=FILE -P source_commit.cmake
#   Writes a header that defines TANDEM_SOURCE_COMMIT: "g1a2b3c4d5e6f", "g1a2b3c4d5e6f.modified" where tracked files differ
#   from the commit, "unknown" where DIR is not the top of a git checkout. A header that says so already is left alone.
function(git result)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env GIT_OPTIONAL_LOCKS=0 git ${ARGN}
    WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE output OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(output "failed")
  endif()
  set(${result} "${output}" PARENT_SCOPE)
endfunction()

set(commit unknown)
git(prefix rev-parse --show-prefix) # empty at the top
git(head rev-parse --short=12 HEAD)
if(prefix STREQUAL "" AND head MATCHES "^[0-9a-f]+$")
  set(commit g${head})
  git(changes status --porcelain --untracked-files=no)
  if(NOT changes STREQUAL "")
    string(APPEND commit ".modified")
  endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define TANDEM_SOURCE_COMMIT \"${commit}\"\n")
