# SPDX-License-Identifier: Apache-2.0
# Every library that tandem links, found once. Versions are those of Debian 12; wheels are pinned in
# tools/python_packages.txt.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(GTest REQUIRED)
find_library(ZIP_LIBRARY zip REQUIRED)
find_library(ISAL_LIBRARY isal REQUIRED)
find_library(NETTLE_LIBRARY nettle REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
find_library(SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
find_library(SENTENCEPIECE_TRAIN_LIBRARY sentencepiece_train REQUIRED)

add_library(tandem_light_dependencies INTERFACE)
target_link_libraries(
  tandem_light_dependencies
  INTERFACE Threads::Threads nlohmann_json::nlohmann_json fmt::fmt spdlog::spdlog CLI11::CLI11 ICU::uc ICU::i18n
            ${ISAL_LIBRARY} ${NETTLE_LIBRARY} ${XXHASH_LIBRARY} ${ZIP_LIBRARY} ${SENTENCEPIECE_LIBRARY} ${SENTENCEPIECE_TRAIN_LIBRARY})

if(NOT TANDEM_LIGHT_ONLY)
  find_package(LibTorch REQUIRED)
endif()
