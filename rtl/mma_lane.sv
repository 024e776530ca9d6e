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
  // Nibbles as numbers: the high ones have the operand's sign, the low ones only if they are elements of their own (mode 1).
  logic signed [9:0] a_high, a_low, w_high, w_low;
  assign a_high = {{6{in_activation_signed_i & in_activation_i[7]}}, in_activation_i[7:4]};
  assign a_low = {{6{in_activation_signed_i & in_mode_i[0] & in_activation_i[3]}}, in_activation_i[3:0]};
  assign w_high = {{6{in_weight_signed_i & in_weight_i[7]}}, in_weight_i[7:4]};
  assign w_low = {{6{in_weight_signed_i & in_mode_i[0] & in_weight_i[3]}}, in_weight_i[3:0]};

  // Ones that both have: counts of 2, 4 and 8 bits, in place.
  logic [7:0] ones, pairs, nibbles;
  assign ones = in_activation_i & in_weight_i;
  assign pairs = ones - ((ones >> 1) & 8'h55);
  assign nibbles = (pairs & 8'h33) + ((pairs >> 2) & 8'h33);

  logic [18:0] count;
  assign count = {15'd0, nibbles[3:0] + nibbles[7:4]};

  logic signed [9:0] high, low, cross_a, cross_w;
  assign high = a_high * w_high;
  assign low = a_low * w_low;
  assign cross_a = a_high * w_low;
  assign cross_w = a_low * w_high;

  always_comb begin
    if (in_mode_i[1]) begin
      out_sum_o = in_activation_signed_i != in_weight_signed_i ? -count : count;
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
