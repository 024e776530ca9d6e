# Debian 12 packages; nothing is downloaded. Each is found once here and linked where it is used.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(Boost 1.74 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SYSTEMC REQUIRED IMPORTED_TARGET systemc)
pkg_check_modules(CBC REQUIRED IMPORTED_TARGET cbc)

# SystemC 2.3.4 of Debian was built as C++17 or older; its API check refuses C++20 although the ABI is the same.
add_library(dyad_systemc INTERFACE)
target_link_libraries(dyad_systemc INTERFACE PkgConfig::SYSTEMC)
target_compile_definitions(dyad_systemc INTERFACE SC_DISABLE_API_VERSION_CHECK)

# Only ONNX's message classes are used, so libonnx with its operator schemas is not linked. Debian's ONNXConfig.cmake asks for more
# than its package brings, so the library is named directly.
find_library(DYAD_ONNX_PROTO onnx_proto REQUIRED)
add_library(dyad_onnx INTERFACE)
target_link_libraries(dyad_onnx INTERFACE ${DYAD_ONNX_PROTO} protobuf::libprotobuf)
target_compile_definitions(dyad_onnx INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)

set(DYAD_TRAINING_FOUND OFF)
if(NOT DYAD_WITH_TRAINING STREQUAL "OFF")
  find_package(Torch QUIET)
  if(Torch_FOUND)
    set(DYAD_TRAINING_FOUND ON)
  elseif(DYAD_WITH_TRAINING STREQUAL "ON")
    message(FATAL_ERROR "DYAD_WITH_TRAINING is ON but LibTorch was not found (Debian: libtorch-dev)")
  endif()
endif()
message(STATUS "Training module (LibTorch): ${DYAD_TRAINING_FOUND}")
