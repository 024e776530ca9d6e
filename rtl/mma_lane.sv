/// Products of one 8-bit lane of mma_dot: one product of 8-bit elements, or the sum of two 4-bit or of eight 1-bit products.
///
/// Four multipliers of 4 x 4 bits serve both: an 8-bit product is hh * 256 + (hl + lh) * 16 + ll, the sum of two 4-bit products hh + ll.
/// Combinational and exact; the sum lies in -32640 .. 65025.
module mma_lane (
    /// Elements of 8 bits (0), 4 bits (1) or 1 bit (2; 3 is the same).
    input logic [1:0] in_mode_i,
    /// Activations are two's complement; a signed bit is 0 or -1.
    input logic in_activation_signed_i,
    /// Weights are two's complement; a signed bit is 0 or -1.
    input logic in_weight_signed_i,
    /// Activations, element 0 in the lowest bits.
    input logic [7:0] in_activation_i,
    /// Weights, element 0 in the lowest bits.
    input logic [7:0] in_weight_i,
    /// Sum of activation[i] * weight[i], two's complement.
    output logic [18:0] out_sum_o
);
  // Product of two nibbles, each two's complement if its flag is set.
  function automatic logic signed [9:0] multiply(input logic [3:0] a, input logic a_signed, input logic [3:0] w, input logic w_signed);
    logic signed [4:0] a_wide, w_wide;
    a_wide = {a_signed & a[3], a};
    w_wide = {w_signed & w[3], w};
    multiply = 10'(a_wide) * 10'(w_wide);
  endfunction

  // Ones of a byte.
  function automatic logic [3:0] count_ones(input logic [7:0] bits);
    logic [7:0] fields;
    fields = bits - ((bits >> 1) & 8'h55);
    fields = (fields & 8'h33) + ((fields >> 2) & 8'h33);
    fields = fields + (fields >> 4);
    count_ones = fields[3:0];
  endfunction

  logic signed [9:0] low, high, cross_a, cross_w;
  logic [18:0] ones;

  assign high = multiply(in_activation_i[7:4], in_activation_signed_i, in_weight_i[7:4], in_weight_signed_i);
  assign low = multiply(in_activation_i[3:0], in_activation_signed_i & in_mode_i[0], in_weight_i[3:0], in_weight_signed_i & in_mode_i[0]);
  assign cross_a = multiply(in_activation_i[7:4], in_activation_signed_i, in_weight_i[3:0], 1'b0);
  assign cross_w = multiply(in_activation_i[3:0], 1'b0, in_weight_i[7:4], in_weight_signed_i);
  assign ones = 19'(count_ones(in_activation_i & in_weight_i));

  always_comb begin
    if (in_mode_i[1]) begin
      out_sum_o = in_activation_signed_i != in_weight_signed_i ? -ones : ones;
    end else if (in_mode_i[0]) begin
      out_sum_o = 19'(high) + 19'(low);
    end else begin
      out_sum_o = (19'(high) << 8) + ((19'(cross_a) + 19'(cross_w)) << 4) + 19'(low);
    end
  end

`ifdef FORMAL
  `include "mma_lane_props.svh"
`endif

endmodule
