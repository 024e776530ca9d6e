// The ONNX importer on whole models: names, metadata, faults and damaged files.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>

#include "unit/network/onnx_builder.hpp"

namespace dyad::network::onnx_test {
namespace {

std::vector<OpKind> kinds(const Network& network) {
  std::vector<OpKind> result;
  for (const NodeId id : network.execution_order()) result.push_back(network.node(id).kind);
  return result;
}

TEST(OnnxGraph, NamesComeFromNodesOrTheirOutputs) {
  ModelBuilder model({1, 2, 2});
  model.node("Relu", {"x"}, "first").node("Relu", {"first"}, "second").node("Sigmoid", {"second"}, "third").output("third");
  model.graph().mutable_node(0)->set_name("act");
  model.graph().mutable_node(1)->set_name("act");
  model.graph().mutable_node(2)->clear_name();
  const Network network = model.imported();
  EXPECT_EQ(network.name, "test");
  EXPECT_EQ(network.node(1).name, "act");
  EXPECT_EQ(network.node(2).name, "act#2");
  EXPECT_EQ(network.node(3).name, "third");
}

TEST(OnnxGraph, MetadataIsTheNormalization) {
  ModelBuilder model({3, 2, 2});
  model.node("Relu", {"x"}, "y").output("y");
  EXPECT_FALSE(model.imported().normalization);
  const auto put = [&](const char* key, const char* value) {
    auto* entry = model.model().add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  };
  put("mean", "0.5,0.25,0");
  EXPECT_FALSE(model.import());
  put("std", "1,2,3");
  EXPECT_EQ(model.imported().normalization->mean, (std::vector<float>{0.5f, 0.25f, 0}));
  EXPECT_EQ(model.imported().normalization->stddev, (std::vector<float>{1, 2, 3}));
  put("std", "1,2");
  EXPECT_NE(model.fault().place.find("metadata_props"), std::string::npos);
}

TEST(OnnxGraph, WhatTheOutputDoesNotNeedIsLeftOut) {
  ModelBuilder model({1, 2, 2});
  model.node("Relu", {"x"}, "y").node("Einsum", {"x"}, "unused").output("y");
  EXPECT_EQ(model.imported().size(), 2u);
}

TEST(OnnxGraph, IdentityDropoutAndConstantVanish) {
  ModelBuilder model({1, 2, 2});
  model.node("Identity", {"x"}, "i").node("Dropout", {"i"}, "d").real("ratio", 0.5f).node("Constant", {}, "low").real("value_float", 0);
  model.node("Clip", {"d", "low"}, "y").output("y");
  EXPECT_EQ(kinds(model.imported()), (std::vector<OpKind>{OpKind::kInput, OpKind::kRelu}));
}

struct Fault {
  const char* expected;  // in the message
  void (*make)(ModelBuilder&);
};

TEST(OnnxFaults, NameTheNodeAndTheOperator) {
  const Fault faults[] = {
      {"operator HardSwish of node 'y': is not supported", [](ModelBuilder& m) { m.node("HardSwish", {"x"}, "y"); }},
      {"operator Resize of node 'y'", [](ModelBuilder& m) { m.node("Resize", {"x"}, "y"); }},
      {"domain 'com.microsoft'", [](ModelBuilder& m) { m.node("Relu", {"x"}, "y").last().set_domain("com.microsoft"); }},
      {"attribute 'surprise' of operator Relu", [](ModelBuilder& m) { m.node("Relu", {"x"}, "y").attribute("surprise", 1); }},
      {"attribute 'alpha' of operator LeakyRelu should be a number",
       [](ModelBuilder& m) { m.node("LeakyRelu", {"x"}, "y").attribute("alpha", 1); }},
      {"does not fit 2 input channels",
       [](ModelBuilder& m) {
         m.floats("w", {1, 3, 1, 1}, {1, 1, 1}).node("Conv", {"x", "w"}, "y");
       }},
      {"has not four dimensions",
       [](ModelBuilder& m) {
         m.floats("w", {1, 2, 1}, {1, 1}).node("Conv", {"x", "w"}, "y");
       }},
      {"kernel_shape does not agree",
       [](ModelBuilder& m) {
         m.floats("w", {1, 2, 1, 1}, {1, 1}).node("Conv", {"x", "w"}, "y").attribute("kernel_shape", std::vector<std::int64_t>{3, 3});
       }},
      {"window does not fit",
       [](ModelBuilder& m) {
         m.floats("w", {1, 2, 5, 1}, eighths(10, 1)).node("Conv", {"x", "w"}, "y");
       }},
      {"strides is 0",
       [](ModelBuilder& m) {
         m.floats("w", {1, 2, 1, 1}, {1, 1}).node("Conv", {"x", "w"}, "y").attribute("strides", std::vector<std::int64_t>{0, 1});
       }},
      {"auto_pad 'SOME'",
       [](ModelBuilder& m) {
         m.node("MaxPool", {"x"}, "y").attribute("kernel_shape", std::vector<std::int64_t>{2, 2}).text("auto_pad", "SOME");
       }},
      {"bytes, its shape",
       [](ModelBuilder& m) {
         m.floats("w", {1, 2, 1, 1}, {1}).node("Conv", {"x", "w"}, "y");
       }},
      {"not finite",
       [](ModelBuilder& m) {
         m.floats("w", {1, 2, 1, 1}, {1, NAN}).node("Conv", {"x", "w"}, "y");
       }},
      {"made by no node", [](ModelBuilder& m) { m.node("Relu", {"nothing"}, "y"); }},
      {"a second time",
       [](ModelBuilder& m) {
         m.node("Relu", {"x"}, "a").node("Sigmoid", {"x"}, "a").node("Add", {"a", "a"}, "y");
       }},
      {"expected a vector",
       [](ModelBuilder& m) {
         m.floats("w", {2, 2}, {1, 1, 1, 1}).node("MatMul", {"x", "w"}, "y");
       }},
      {"does not fit 18 features",
       [](ModelBuilder& m) {
         m.floats("w", {2, 2}, {1, 1, 1, 1}).node("Flatten", {"x"}, "f").node("MatMul", {"f", "w"}, "y");
       }},
      {"transA",
       [](ModelBuilder& m) {
         m.floats("w", {18, 1}, eighths(18, 1)).node("Flatten", {"x"}, "f").node("Gemm", {"f", "w"}, "y").attribute("transA", 1);
       }},
      {"must be a constant",
       [](ModelBuilder& m) {
         m.node("Conv", {"x", "x"}, "y");
       }},
      {"multiplication by a constant",
       [](ModelBuilder& m) {
         m.floats("two", {}, {2}).node("Mul", {"x", "two"}, "y");
       }},
      {"right behind a convolution",
       [](ModelBuilder& m) {
         m.floats("two", {}, {2}).node("Add", {"x", "two"}, "y");
       }},
      {"training mode",
       [](ModelBuilder& m) {
         m.floats("o", {2}, {1, 1}).node("BatchNormalization", {"x", "o", "o", "o", "o"}, "y").attribute("training_mode", 1);
       }},
      {"values for 2 channels",
       [](ModelBuilder& m) {
         m.floats("o", {3}, {1, 1, 1}).node("BatchNormalization", {"x", "o", "o", "o", "o"}, "y");
       }},
      {"operator Transpose of node 'y'", [](ModelBuilder& m) { m.node("Transpose", {"x"}, "y"); }},
      {"flattening of an image", [](ModelBuilder& m) { m.node("Flatten", {"x"}, "y"); }},
      {"softmax over channels", [](ModelBuilder& m) { m.node("Softmax", {"x"}, "y"); }},
      {"no layers", [](ModelBuilder& m) { m.node("Identity", {"x"}, "y"); }},
      {"not computed from the input", [](ModelBuilder& m) { m.floats("c", {1}, {1}).node("Identity", {"c"}, "y"); }},
      {"is used, only the first",
       [](ModelBuilder& m) {
         m.node("MaxPool", {"x"}, "p").attribute("kernel_shape", std::vector<std::int64_t>{1, 1}).last().add_output("i");
         m.node("Add", {"p", "i"}, "y");
       }},
  };
  for (const Fault& fault : faults) {
    ModelBuilder model({2, 3, 3});
    fault.make(model);
    const Error error = model.output("y").fault();
    EXPECT_NE(error.message.find(fault.expected), std::string::npos) << error.message << "\nexpected: " << fault.expected;
    EXPECT_NE(error.place.find("test.onnx"), std::string::npos) << error.place;
    EXPECT_FALSE(error.hint.empty());
  }
}

TEST(OnnxFaults, OfTheModelAsAWhole) {
  const Fault faults[] = {
      {"opset 10", [](ModelBuilder& m) { m.model().mutable_opset_import(0)->set_version(10); }},
      {"opset 18", [](ModelBuilder& m) { m.model().mutable_opset_import(0)->set_version(18); }},
      {"states no opset", [](ModelBuilder& m) { m.model().clear_opset_import(); }},
      {"has no graph", [](ModelBuilder& m) { m.model().clear_graph(); }},
      {"has no input", [](ModelBuilder& m) { m.graph().clear_input(); }},
      {"has the inputs 'x' and 'x'", [](ModelBuilder& m) { *m.graph().add_input() = m.graph().input(0); }},
      {"C, H and W fixed",
       [](ModelBuilder& m) {
         m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(2)->set_dim_param("H");
       }},
      {"C, H and W fixed",
       [](ModelBuilder& m) { m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::UINT8); }},
      {"has 2 outputs", [](ModelBuilder& m) { m.output("x"); }},
      {"two initializers", [](ModelBuilder& m) { m.floats("w", {1}, {1}).floats("w", {1}, {1}); }},
      {"stored in another file",
       [](ModelBuilder& m) {
         m.floats("w", {1, 2, 1, 1}, {}).graph().mutable_initializer(0)->set_data_location(onnx::TensorProto::EXTERNAL);
         m.graph().mutable_node(0)->set_op_type("Conv");
         m.graph().mutable_node(0)->add_input("w");
       }},
  };
  for (const Fault& fault : faults) {
    ModelBuilder model({2, 3, 3});
    model.node("Relu", {"x"}, "y").output("y");
    ASSERT_TRUE(model.import());
    fault.make(model);
    const Error error = model.fault();
    EXPECT_NE(error.message.find(fault.expected), std::string::npos) << error.message << "\nexpected: " << fault.expected;
  }
}

// A model with every kind of part, to be damaged.
std::string sample_bytes() {
  ModelBuilder model({2, 6, 6});
  model.floats("w", {4, 2, 3, 3}, eighths(72, 1))
      .floats("one", {4}, {1, 1, 1, 1})
      .floats("low", {}, {0})
      .integers("two", {2})
      .integers("zero", {0});
  model.integers("far", {99})
      .integers("h", {2})
      .integers("pads", {0, 1, 0, 0, 0, 1, 0, 0})
      .integers("flat", {0, -1})
      .floats("m", {36, 3}, eighths(108, 2));
  model.node("Conv", {"x", "w"}, "c").attribute("pads", std::vector<std::int64_t>{1, 1, 1, 1}).attribute("group", 1);
  model.node("BatchNormalization", {"c", "one", "one", "one", "one"}, "n").real("epsilon", 1e-5f).node("Clip", {"n", "low"}, "r");
  model.node("Slice", {"x", "zero", "far", "h", "two"}, "s").node("Pad", {"s", "pads"}, "p");
  model.node("MaxPool", {"r"}, "q")
      .attribute("kernel_shape", std::vector<std::int64_t>{2, 1})
      .attribute("strides", std::vector<std::int64_t>{2, 1});
  model.node("Add", {"p", "q"}, "a")
      .node("AveragePool", {"a"}, "v")
      .attribute("kernel_shape", std::vector<std::int64_t>{1, 2})
      .attribute("strides", std::vector<std::int64_t>{1, 2});
  model.node("Reshape", {"v", "flat"}, "f").node("Gemm", {"f", "m"}, "y").output("y");
  return model.bytes();
}

// Imports damaged bytes: an Error that names the file, or a network whose shapes hold. Returns whether it was an Error.
bool damage(const std::string& bytes) {
  const auto network = import_onnx({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "f.onnx");
  if (!network) {
    EXPECT_EQ(network.error().place.rfind("f.onnx", 0), 0u) << network.error().place;
    EXPECT_FALSE(network.error().message.empty());
    return true;
  }
  Network copy = *network;
  EXPECT_TRUE(copy.infer_shapes());
  EXPECT_GE(copy.execution_order().size(), 1u);
  return false;
}

TEST(OnnxDamage, EveryTruncationIsAnError) {
  const std::string bytes = sample_bytes();
  ASSERT_FALSE(damage(bytes));
  // The opset is written behind the graph, so no prefix is a whole model.
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_TRUE(damage(bytes.substr(0, size))) << size;
}

TEST(OnnxDamage, ChangedBytesAreAnErrorOrANetwork) {
  const std::string bytes = sample_bytes();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      damage(damaged);
    }
  }
}

RC_GTEST_PROP(OnnxDamage, SeveralChangedBytesAreAnErrorOrANetwork, ()) {
  std::string bytes = sample_bytes();
  const int changes = *rc::gen::inRange(2, 10);
  for (int i = 0; i < changes; ++i) bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  damage(bytes);
}

TEST(OnnxDamage, GarbageAndMissingFilesAreErrors) {
  EXPECT_TRUE(damage("this is not a model"));
  EXPECT_TRUE(damage(""));
  EXPECT_TRUE(damage(std::string(1000, '\0')));
  EXPECT_EQ(import_onnx("absent.onnx").error().place, "absent.onnx");
  EXPECT_FALSE(import_onnx(std::filesystem::temp_directory_path()));  // a folder
}

}  // namespace
}  // namespace dyad::network::onnx_test
