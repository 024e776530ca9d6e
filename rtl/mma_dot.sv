/// One dot-product unit of mma_tile: all products of two operand words in one cycle, accumulated.
///
/// The words hold WordBits / 8 elements of 8 bits (mode 0), WordBits / 4 of 4 bits (mode 1) or WordBits of 1 bit (mode 2), element 0 lowest.
/// acc = (in_first_i ? 0 : acc) + sum of activation[i] * weight[i]   modulo 2^32, each operand signed or unsigned as in_*_signed_i says
/// (a signed 1-bit element is 0 or -1; both unsigned: AND and popcount).
/// A lane of 8 bits has four multipliers of 4 x 4 bits: 8-bit products are hh * 256 + (hl + lh) * 16 + ll, two 4-bit products are hh + ll.
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

  // Sum of the products of one 8-bit lane: -255 * 128 .. 255 * 255.
  function automatic logic signed [GroupWidth-1:0] lane(input logic [7:0] a, input logic a_signed, input logic [7:0] w, input logic w_signed,
                                                        input logic [1:0] mode);
    logic signed [9:0] low, high, cross_a, cross_w;
    logic signed [GroupWidth-1:0] ones;
    lane = '0;
    if (mode[1]) begin
      ones = GroupWidth'(count_ones(a & w));
      lane = a_signed != w_signed ? -ones : ones;
    end else begin
      high = multiply(a[7:4], a_signed, w[7:4], w_signed);
      low = multiply(a[3:0], a_signed & mode[0], w[3:0], w_signed & mode[0]);
      if (mode[0]) begin
        lane = GroupWidth'(high) + GroupWidth'(low);
      end else begin
        cross_a = multiply(a[7:4], a_signed, w[3:0], 1'b0);
        cross_w = multiply(a[3:0], 1'b0, w[7:4], w_signed);
        lane = (GroupWidth'(high) <<< 8) + ((GroupWidth'(cross_a) + GroupWidth'(cross_w)) <<< 4) + GroupWidth'(low);
      end
    end
  endfunction

  logic [Groups*32-1:0] activations, weights;
  logic [Groups*GroupWidth-1:0] groups_d, groups_q;
  logic signed [GroupWidth-1:0] group;
  logic signed [SumWidth-1:0] sum_d, sum_q;
  logic [31:0] base, acc_q;
  logic grouped_valid_q, grouped_first_q, summed_valid_q, summed_first_q;

  always_comb begin
    activations = '0;
    weights = '0;
    activations[WordBits-1:0] = in_activations_i;
    weights[WordBits-1:0] = in_weights_i;
    groups_d = '0;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      group = '0;
      for (int unsigned l = 0; l < 4; l = l + 1) begin
        group = group + lane(activations[g*32+l*8+:8], in_activation_signed_i, weights[g*32+l*8+:8], in_weight_signed_i, in_mode_i);
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
endmodule
