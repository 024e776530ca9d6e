/// Rows x Columns bit-serial dot-product units (BISMO's array) and one column that sums the activations of each row.
///
/// Row r gets word r of the activations, column c word c of the weights; accumulator r * Columns + c holds the dot product of activation row r
/// and weight column c once all planes were presented (bit_serial_dpu has the step). No back-pressure inside.
module bit_serial_array #(
    /// Rows of units: activation vectors at a time; at least 1.
    parameter int unsigned Rows = 8,
    /// Columns of units: weight vectors at a time; at least 1.
    parameter int unsigned Columns = 8,
    /// Bits of a word of a plane; at least 1.
    parameter int unsigned Depth = 256
) (
    /// Clock.
    input logic clk_i,
    /// Reset, synchronous, active low.
    input logic rst_ni,
    /// A pair of operand words is present.
    input logic in_valid_i,
    /// First pair of a job: the accumulators restart.
    input logic in_first_i,
    /// The accumulators double before this pair: the first pair of each next diagonal.
    input logic in_shift_i,
    /// Exactly one of the two planes is a sign plane.
    input logic in_negate_i,
    /// The pair has weight plane 0: its activation plane is counted in the row sums.
    input logic in_sum_i,
    /// The activation plane is a sign plane.
    input logic in_sum_negate_i,
    /// Words of one activation plane, row 0 in the lowest bits.
    input logic [Rows*Depth-1:0] in_activations_i,
    /// Words of one weight plane, column 0 in the lowest bits.
    input logic [Columns*Depth-1:0] in_weights_i,
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
    $error("bit_serial_array: Rows and Columns must be at least 1");
  end

  logic valid_q, first_q, shift_q, negate_q, sum_q, sum_negate_q;
  logic [Rows*Depth-1:0] activations_q;
  logic [Columns*Depth-1:0] weights_q;
  logic [Rows*Columns*32-1:0] acc, out_acc_q;
  logic [Rows*32-1:0] sum, out_sum_q;
  logic [Latency-1:0] capture_q;

  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni && in_valid_i;
    capture_q <= rst_ni ? {capture_q[Latency-2:0], in_capture_i} : '0;
    if (in_valid_i) begin
      first_q <= in_first_i;
      shift_q <= in_shift_i;
      negate_q <= in_negate_i;
      sum_q <= in_sum_i;
      sum_negate_q <= in_sum_negate_i;
      activations_q <= in_activations_i;
      weights_q <= in_weights_i;
    end
    if (capture_q[Latency-2]) begin
      out_acc_q <= acc;
      out_sum_q <= sum;
    end
  end

  for (genvar r = 0; r < Rows; r = r + 1) begin : gen_row
    for (genvar c = 0; c < Columns; c = c + 1) begin : gen_column
      bit_serial_dpu #(
          .Depth(Depth)
      ) u_dpu (
          .clk_i(clk_i),
          .rst_ni(rst_ni),
          .in_valid_i(valid_q),
          .in_first_i(first_q),
          .in_shift_i(shift_q),
          .in_negate_i(negate_q),
          .in_activations_i(activations_q[r*Depth+:Depth]),
          .in_weights_i(weights_q[c*Depth+:Depth]),
          .out_acc_o(acc[(r*Columns+c)*32+:32])
      );
    end
    bit_serial_dpu #(
        .Depth(Depth)
    ) u_sum (
        .clk_i(clk_i),
        .rst_ni(rst_ni),
        .in_valid_i(valid_q),
        .in_first_i(first_q),
        .in_shift_i(shift_q),
        .in_negate_i(sum_negate_q),
        .in_activations_i(activations_q[r*Depth+:Depth]),
        .in_weights_i({Depth{sum_q}}),
        .out_acc_o(sum[r*32+:32])
    );
  end

  assign out_valid_o = capture_q[Latency-1];
  assign out_acc_o = out_acc_q;
  assign out_sum_o = out_sum_q;

`ifdef FORMAL
  `include "bit_serial_array_props.svh"
`endif

endmodule
