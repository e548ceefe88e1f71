# SPDX-License-Identifier: Apache-2.0
# Finds the libtorch that scripts/setup unpacked from the PyPI wheel, and makes the target LibTorch::cpu, or with
# TANDEM_CUDA also LibTorch::cuda. The wheel's own TorchConfig.cmake is not used: it insists on a CUDA toolkit.
set(LIBTORCH_ROOT ${CMAKE_SOURCE_DIR}/.deps CACHE PATH "Where scripts/setup unpacked the wheels")
set(torch_root ${LIBTORCH_ROOT}/torch)

find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS ${torch_root}/include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${torch_root}/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS ${torch_root}/lib NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch REQUIRED_VARS LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY
  REASON_FAILURE_MESSAGE "run scripts/setup first: it downloads and unpacks libtorch into .deps/")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::cpu INTERFACE IMPORTED)
  target_include_directories(
    LibTorch::cpu SYSTEM INTERFACE ${LibTorch_INCLUDE_DIR} ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  target_compile_definitions(LibTorch::cpu INTERFACE USE_DISTRIBUTED USE_C10D_GLOO)
  target_link_libraries(LibTorch::cpu INTERFACE ${LibTorch_CPU_LIBRARY} ${LibTorch_C10_LIBRARY})
  # libtorch_cpu.so asks for libcudart and libcupti, which its own RPATH finds in .deps/nvidia.
  target_link_options(LibTorch::cpu INTERFACE -Wl,--allow-shlib-undefined)
endif()
