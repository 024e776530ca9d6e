/// A tensor-core tile: Rows x Columns dot-product units that take a whole word of both operands a cycle.
///
/// With the default word of 128 bits the tile is 8 x 8 x 16 (8-bit elements), 8 x 8 x 32 (4-bit) or 8 x 8 x 128 (1-bit, AND and popcount).
/// Row r gets word r of the activations, column c word c of the weights; accumulator r * Columns + c holds their dot product. One more column
/// sums the activations of each row (weights of 1). No back-pressure inside.
module mma_tile #(
    /// Rows of units: activation vectors at a time; at least 1.
    parameter int unsigned Rows = 8,
    /// Columns of units: weight vectors at a time; at least 1.
    parameter int unsigned Columns = 8,
    /// Bits of an operand word: a multiple of 8, at most 1024.
    parameter int unsigned WordBits = 128
) (
    /// Clock.
    input logic clk_i,
    /// Reset, synchronous, active low.
    input logic rst_ni,
    /// A pair of operand words is present.
    input logic in_valid_i,
    /// First pair of a job: the accumulators restart.
    input logic in_first_i,
    /// Elements of 8 bits (0), 4 bits (1) or 1 bit (2; 3 is the same), in both operands.
    input logic [1:0] in_mode_i,
    /// Activations are two's complement.
    input logic in_activation_signed_i,
    /// Weights are two's complement.
    input logic in_weight_signed_i,
    /// One word of activations a row, row 0 in the lowest bits.
    input logic [Rows*WordBits-1:0] in_activations_i,
    /// One word of weights a column, column 0 in the lowest bits.
    input logic [Columns*WordBits-1:0] in_weights_i,
    /// Capture the accumulators with all pairs of earlier cycles, without a pair of this one.
    input logic in_capture_i,
    /// Pulse, Latency (4) cycles after in_capture_i.
    output logic out_valid_o,
    /// Captured accumulators, 32 bits each, two's complement, accumulator r * Columns + c; held until the next out_valid_o.
    output logic [Rows*Columns*32-1:0] out_acc_o,
    /// Captured sums of the activations of each row, 32 bits each, two's complement.
    output logic [Rows*32-1:0] out_sum_o
);
  /// Cycles from in_capture_i to out_valid_o.
  localparam int unsigned Latency = 4;

  if (Rows < 1 || Columns < 1) begin : gen_bad_size
    $error("mma_tile: Rows and Columns must be at least 1");
  end

  logic valid_q, first_q, activation_signed_q, weight_signed_q;
  logic [1:0] mode_q;
  logic [Rows*WordBits-1:0] activations_q;
  logic [Columns*WordBits-1:0] weights_q;
  logic [WordBits-1:0] ones;
  logic [Rows*Columns*32-1:0] acc, out_acc_q;
  logic [Rows*32-1:0] sum, out_sum_q;
  logic [Latency-1:0] capture_q;

  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni && in_valid_i;
    capture_q <= rst_ni ? {capture_q[Latency-2:0], in_capture_i} : '0;
    if (in_valid_i) begin
      first_q <= in_first_i;
      mode_q <= in_mode_i;
      activation_signed_q <= in_activation_signed_i;
      weight_signed_q <= in_weight_signed_i;
      activations_q <= in_activations_i;
      weights_q <= in_weights_i;
    end
    if (capture_q[Latency-2]) begin
      out_acc_q <= acc;
      out_sum_q <= sum;
    end
  end

  // A weight of 1 in every element.
  assign ones = mode_q[1] ? {WordBits / 8{8'hff}} : mode_q[0] ? {WordBits / 8{8'h11}} : {WordBits / 8{8'h01}};

  for (genvar r = 0; r < Rows; r = r + 1) begin : gen_row
    for (genvar c = 0; c < Columns; c = c + 1) begin : gen_column
      mma_dot #(
          .WordBits(WordBits)
      ) u_dot (
          .clk_i(clk_i),
          .rst_ni(rst_ni),
          .in_valid_i(valid_q),
          .in_first_i(first_q),
          .in_mode_i(mode_q),
          .in_activation_signed_i(activation_signed_q),
          .in_weight_signed_i(weight_signed_q),
          .in_activations_i(activations_q[r*WordBits+:WordBits]),
          .in_weights_i(weights_q[c*WordBits+:WordBits]),
          .out_acc_o(acc[(r*Columns+c)*32+:32])
      );
    end
    mma_dot #(
        .WordBits(WordBits)
    ) u_sum (
        .clk_i(clk_i),
        .rst_ni(rst_ni),
        .in_valid_i(valid_q),
        .in_first_i(first_q),
        .in_mode_i(mode_q),
        .in_activation_signed_i(activation_signed_q),
        .in_weight_signed_i(1'b0),
        .in_activations_i(activations_q[r*WordBits+:WordBits]),
        .in_weights_i(ones),
        .out_acc_o(sum[r*32+:32])
    );
  end

  assign out_valid_o = capture_q[Latency-1];
  assign out_acc_o = out_acc_q;
  assign out_sum_o = out_sum_q;

`ifdef FORMAL
  `include "mma_tile_props.svh"
`endif

endmodule
