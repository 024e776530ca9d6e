// Runs an ONNX model in ONNX Runtime: node run_onnx.js MODEL IMAGES CHANNELS HEIGHT WIDTH LEVEL OUT
// IMAGES: normalized, (N, C, H, W) float32 little-endian; LEVEL: all or disabled optimizations; OUT: logits, float32 little-endian.
// DYAD_ONNXRUNTIME names the folder in which `npm install --ignore-scripts onnxruntime-node` was run.
const fs = require('fs');
const path = require('path');
const ort = require(path.join(process.env.DYAD_ONNXRUNTIME, 'node_modules', 'onnxruntime-node'));

const kBatch = 50;

async function main() {
  const [model, images, channels, height, width, level, out] = process.argv.slice(2);
  const shape = [channels, height, width].map(Number), size = shape[0] * shape[1] * shape[2];
  const bytes = fs.readFileSync(images);
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const session = await ort.InferenceSession.create(model, {graphOptimizationLevel: level, intraOpNumThreads: 1});
  const parts = [];
  for (let begin = 0; begin * size < values.length; begin += kBatch) {
    const data = values.slice(begin * size, (begin + kBatch) * size);
    const result = await session.run({image: new ort.Tensor('float32', data, [data.length / size, ...shape])});
    parts.push(Buffer.from(result.logits.data.buffer, result.logits.data.byteOffset, result.logits.data.byteLength));
  }
  fs.writeFileSync(out, Buffer.concat(parts));
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
