// Runs an ONNX model on images in ONNX Runtime: node run_onnx.js MODEL IMAGES COUNT MEAN STD LEVEL OUT
// IMAGES: CIFAR-10's binary file; MEAN and STD: "a,b,c"; LEVEL: all or disabled; OUT: logits, float32 little-endian.
// DYAD_ONNXRUNTIME names the folder in which `npm install --ignore-scripts onnxruntime-node` was run.
const fs = require('fs');
const path = require('path');
const ort = require(path.join(process.env.DYAD_ONNXRUNTIME, 'node_modules', 'onnxruntime-node'));

const kSize = 32, kArea = kSize * kSize, kRecord = 1 + 3 * kArea, kBatch = 50;

async function main() {
  const [model, images, count, mean, std, level, out] = process.argv.slice(2);
  const bytes = fs.readFileSync(images);
  const means = mean.split(',').map(Math.fround), stds = std.split(',').map(Math.fround);
  const session = await ort.InferenceSession.create(model, {graphOptimizationLevel: level, intraOpNumThreads: 1});
  const parts = [];
  for (let begin = 0; begin < Number(count); begin += kBatch) {
    const n = Math.min(kBatch, Number(count) - begin);
    const data = new Float32Array(n * 3 * kArea);
    for (let i = 0; i < n; ++i)
      for (let c = 0; c < 3; ++c)
        for (let p = 0; p < kArea; ++p) {
          const v = Math.fround(bytes[(begin + i) * kRecord + 1 + c * kArea + p] / 255);
          data[(i * 3 + c) * kArea + p] = Math.fround(Math.fround(v - means[c]) / stds[c]);
        }
    const result = await session.run({image: new ort.Tensor('float32', data, [n, 3, kSize, kSize])});
    parts.push(Buffer.from(result.logits.data.buffer, result.logits.data.byteOffset, result.logits.data.byteLength));
  }
  fs.writeFileSync(out, Buffer.concat(parts));
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
