# SPDX-License-Identifier: Apache-2.0
# Finds the libtorch that scripts/setup unpacked from the PyPI wheel, and makes the target LibTorch::cpu, or with
# TANDEM_CUDA also LibTorch::cuda. The wheel's own TorchConfig.cmake is not used: it insists on a CUDA toolkit.
set(LIBTORCH_ROOT ${CMAKE_SOURCE_DIR}/.deps CACHE PATH "Where scripts/setup unpacked the wheels")
set(torch_root ${LIBTORCH_ROOT}/torch)

find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS ${torch_root}/include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${torch_root}/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS ${torch_root}/lib NO_DEFAULT_PATH)
find_file(LibTorch_OPENMP_LIBRARY libgomp.so.1 PATHS ${torch_root}/lib NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch REQUIRED_VARS LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY
                                        LibTorch_OPENMP_LIBRARY
  REASON_FAILURE_MESSAGE "run scripts/setup first: it downloads and unpacks libtorch into .deps/")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::cpu INTERFACE IMPORTED)
  target_include_directories(
    LibTorch::cpu SYSTEM INTERFACE ${LibTorch_INCLUDE_DIR} ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  target_compile_definitions(LibTorch::cpu INTERFACE USE_DISTRIBUTED USE_C10D_GLOO)
  # at::parallel_for is a template: without -fopenmp it is compiled as a plain loop, and says nothing. The wheel's own
  # runtime is linked, so that a process has one pool of threads.
  target_compile_options(LibTorch::cpu INTERFACE -fopenmp)
  target_link_libraries(LibTorch::cpu INTERFACE ${LibTorch_CPU_LIBRARY} ${LibTorch_C10_LIBRARY}
                                                ${LibTorch_OPENMP_LIBRARY})
  # libtorch_cpu.so asks for libcudart and libcupti, which its own RPATH finds in .deps/nvidia.
  target_link_options(LibTorch::cpu INTERFACE -Wl,--allow-shlib-undefined)
endif()

if(LibTorch_FOUND AND TANDEM_CUDA AND NOT TARGET LibTorch::cuda)
  find_package(CUDAToolkit 13.0 REQUIRED)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
  find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} REQUIRED)
  find_library(LibTorch_CUDA_LIBRARY torch_cuda PATHS ${torch_root}/lib NO_DEFAULT_PATH REQUIRED)
  find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS ${torch_root}/lib NO_DEFAULT_PATH REQUIRED)
  add_library(LibTorch::cuda INTERFACE IMPORTED)
  target_include_directories(LibTorch::cuda SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS} ${NCCL_INCLUDE_DIR})
  target_compile_definitions(LibTorch::cuda INTERFACE USE_C10D_NCCL)
  # What else libtorch_cuda.so asks for (cufile, cusparseLt, nvshmem, ...) is needed to run, not to link.
  target_link_libraries(
    LibTorch::cuda INTERFACE LibTorch::cpu ${LibTorch_CUDA_LIBRARY} ${LibTorch_C10_CUDA_LIBRARY} CUDA::cudart
                             ${NCCL_LIBRARY})
endif()
