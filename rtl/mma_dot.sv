/// One dot-product unit of mma_tile: all products of two operand words in one cycle, accumulated.
///
/// The words hold WordBits / 8 elements of 8 bits (mode 0), WordBits / 4 of 4 bits (mode 1) or WordBits of 1 bit (mode 2), element 0 lowest.
/// acc = (in_first_i ? 0 : acc) + sum of activation[i] * weight[i]   modulo 2^32, each operand signed or unsigned as in_*_signed_i says
/// (a signed 1-bit element is 0 or -1; both unsigned: AND and popcount). WordBits / 8 lanes (mma_lane) and an adder tree.
/// Pipeline: sums of 32-bit groups | sum of the word | accumulator. A word presented in cycle t is part of out_acc_o from cycle t + 3.
module mma_dot #(
    /// Bits of an operand word: a multiple of 8, at most 1024.
    parameter int unsigned WordBits = 128
) (
    /// Clock.
    input logic clk_i,
    /// Reset, synchronous, active low. It empties the pipeline; out_acc_o is meaningless until the first pair with in_first_i arrives.
    input logic rst_ni,
    /// A pair of words is present.
    input logic in_valid_i,
    /// The accumulator restarts with this pair.
    input logic in_first_i,
    /// Elements of 8 bits (0), 4 bits (1) or 1 bit (2; 3 is the same).
    input logic [1:0] in_mode_i,
    /// Activations are two's complement.
    input logic in_activation_signed_i,
    /// Weights are two's complement.
    input logic in_weight_signed_i,
    /// Activations.
    input logic [WordBits-1:0] in_activations_i,
    /// Weights.
    input logic [WordBits-1:0] in_weights_i,
    /// The accumulator, two's complement.
    output logic [31:0] out_acc_o
);
  localparam int unsigned Groups = (WordBits + 31) / 32;
  // Four products of 8 x 8 bits: at most 4 * 255 * 255 = 260,100 < 2^18, so 19 bits with the sign.
  localparam int unsigned GroupWidth = 19;
  localparam int unsigned SumWidth = GroupWidth + $clog2(Groups + 1);

  if (WordBits < 8 || WordBits % 8 != 0 || WordBits > 1024) begin : gen_bad_word
    $error("mma_dot: WordBits must be a multiple of 8 in 8..1024");
  end

  logic [Groups*32-1:0] activations, weights;
  logic [Groups*GroupWidth-1:0] groups_d, groups_q;
  logic signed [GroupWidth-1:0] group;
  logic [Groups*4*GroupWidth-1:0] lanes;
  logic signed [SumWidth-1:0] sum_d, sum_q;
  logic [31:0] base, acc_q;
  logic grouped_valid_q, grouped_first_q, summed_valid_q, summed_first_q;

  always_comb begin
    activations = '0;
    weights = '0;
    activations[WordBits-1:0] = in_activations_i;
    weights[WordBits-1:0] = in_weights_i;
  end

  for (genvar l = 0; l < Groups * 4; l = l + 1) begin : gen_lane
    mma_lane u_lane (
        .in_mode_i(in_mode_i),
        .in_activation_signed_i(in_activation_signed_i),
        .in_weight_signed_i(in_weight_signed_i),
        .in_activation_i(activations[l*8+:8]),
        .in_weight_i(weights[l*8+:8]),
        .out_sum_o(lanes[l*GroupWidth+:GroupWidth])
    );
  end

  always_comb begin
    groups_d = '0;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      group = '0;
      for (int unsigned l = 0; l < 4; l = l + 1) begin
        group = group + $signed(lanes[(g*4+l)*GroupWidth+:GroupWidth]);
      end
      groups_d[g*GroupWidth+:GroupWidth] = group;
    end
  end

  always_comb begin
    sum_d = '0;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      sum_d = sum_d + SumWidth'($signed(groups_q[g*GroupWidth+:GroupWidth]));
    end
  end

  assign base = summed_first_q ? 32'd0 : acc_q;

  always_ff @(posedge clk_i) begin
    grouped_valid_q <= rst_ni && in_valid_i;
    summed_valid_q <= rst_ni && grouped_valid_q;
    if (in_valid_i) begin
      groups_q <= groups_d;
      grouped_first_q <= in_first_i;
    end
    if (grouped_valid_q) begin
      sum_q <= sum_d;
      summed_first_q <= grouped_first_q;
    end
    if (summed_valid_q) acc_q <= base + 32'(sum_q);
  end

  assign out_acc_o = acc_q;

`ifdef FORMAL
  `include "mma_dot_props.svh"
`endif

endmodule
