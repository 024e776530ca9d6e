/// Rows x Columns shift-add dot-product units for additive powers-of-two weights.
///
/// A word holds WordBits / 8 activations of 8 bits, or as many weight codes of 8 bits (apot_pe). Row r gets word r of the activations, column c
/// word c of the weights; accumulator r * Columns + c holds their dot product. Weights with three terms take two passes: the same activations
/// twice, with in_sum_i in one of them. No back-pressure inside.
module apot_array #(
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
    /// Activations are two's complement.
    input logic in_activation_signed_i,
    /// The activations of this pair are counted in the row sums.
    input logic in_sum_i,
    /// One word of activations a row, row 0 in the lowest bits.
    input logic [Rows*WordBits-1:0] in_activations_i,
    /// One word of weight codes a column, column 0 in the lowest bits.
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
  /// The code of the weight 1: term a is 2^0.
  localparam logic [7:0] One = 8'b0_0001_000;

  if (Rows < 1 || Columns < 1) begin : gen_bad_size
    $error("apot_array: Rows and Columns must be at least 1");
  end

  logic valid_q, first_q, activation_signed_q, sum_q;
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
      activation_signed_q <= in_activation_signed_i;
      sum_q <= in_sum_i;
      activations_q <= in_activations_i;
      weights_q <= in_weights_i;
    end
    if (capture_q[Latency-2]) begin
      out_acc_q <= acc;
      out_sum_q <= sum;
    end
  end

  assign ones = sum_q ? {WordBits / 8{One}} : '0;

  for (genvar r = 0; r < Rows; r = r + 1) begin : gen_row
    for (genvar c = 0; c < Columns; c = c + 1) begin : gen_column
      apot_dot #(
          .WordBits(WordBits)
      ) u_dot (
          .clk_i(clk_i),
          .rst_ni(rst_ni),
          .in_valid_i(valid_q),
          .in_first_i(first_q),
          .in_activation_signed_i(activation_signed_q),
          .in_activations_i(activations_q[r*WordBits+:WordBits]),
          .in_weights_i(weights_q[c*WordBits+:WordBits]),
          .out_acc_o(acc[(r*Columns+c)*32+:32])
      );
    end
    apot_dot #(
        .WordBits(WordBits)
    ) u_sum (
        .clk_i(clk_i),
        .rst_ni(rst_ni),
        .in_valid_i(valid_q),
        .in_first_i(first_q),
        .in_activation_signed_i(activation_signed_q),
        .in_activations_i(activations_q[r*WordBits+:WordBits]),
        .in_weights_i(ones),
        .out_acc_o(sum[r*32+:32])
    );
  end

  assign out_valid_o = capture_q[Latency-1];
  assign out_acc_o = out_acc_q;
  assign out_sum_o = out_sum_q;

`ifdef FORMAL
  `include "apot_array_props.svh"
`endif

endmodule
