/// Sum of products of 2, 4 or 8 bit elements by sixteen 2x2 bit bricks and a shift-add tree (Bit Fusion's fusion unit). Combinational.
///
/// a and w are the widths that the modes choose, n = 64 / (a * w) the elements of a word. Element e of the activations is
/// bits [e*a +: a] of in_activations_i, element e of the weights bits [e*w +: w] of in_weights_i; bits above element n-1 are ignored.
///   out_sum_o = (sum over e < n of activation[e] * weight[e]) << {0, 8, 16}[in_pass_shift_i]   modulo 2^32
/// The sum before the shift is exact: at most 255 * 255 in magnitude in every mode.
///
/// Brick k multiplies one 2 bit digit of an activation by one of a weight. The four levels of the tree join bricks that differ in
/// one bit of k; which digit a bit of k selects, and with it the shift of that level, depends on the modes:
///   a x w   bit 3     bit 2     bit 1     bit 0       (e: another element, a0 a1 w0 w1: bit of the digit's number)
///   2 x 2   e         e         e         e
///   4 x 2   e         e         e         a0 << 2
///   2 x 4   e         e         e         w0 << 2
///   4 x 4   e         e         w0 << 2   a0 << 2
///   8 x 2   e         e         a1 << 4   a0 << 2
///   2 x 8   e         e         w1 << 4   w0 << 2
///   8 x 4   e         a1 << 4   w0 << 2   a0 << 2
///   4 x 8   e         w1 << 4   w0 << 2   a0 << 2
///   8 x 8   w1 << 4   a1 << 4   w0 << 2   a0 << 2
/// So every product is a named sum of one level: a brick, a pair, a quad, a half or the whole, and leaves by a port.
module fusion_unit (
    /// Width of an activation: 0: 2 bits, 1: 4 bits, 2: 8 bits. 3 is not allowed.
    input  logic [  1:0] in_activation_mode_i,
    /// Width of a weight: 0: 2 bits, 1: 4 bits, 2: 8 bits. 3 is not allowed.
    input  logic [  1:0] in_weight_mode_i,
    /// The activations are two's complement.
    input  logic         in_activation_signed_i,
    /// The weights are two's complement.
    input  logic         in_weight_signed_i,
    /// 16 bit operands by passes of their 8 bit halves: 0: shift by 0, 1: by 8, 2: by 16. 3 is not allowed.
    input  logic [  1:0] in_pass_shift_i,
    /// Activations, element 0 in the lowest bits.
    input  logic [ 31:0] in_activations_i,
    /// Weights, element 0 in the lowest bits.
    input  logic [ 31:0] in_weights_i,
    /// The 16 products of bricks, signed 5 bits each: the products at 2 x 2.
    output logic [ 79:0] out_bricks_o,
    /// The 8 sums of two bricks, signed 7 bits each: the products at 4 x 2 and 2 x 4.
    output logic [ 55:0] out_pairs_o,
    /// The 4 sums of two pairs, signed 11 bits each: the products at 4 x 4, 8 x 2 and 2 x 8.
    output logic [ 43:0] out_quads_o,
    /// The 2 sums of two quads, signed 13 bits each: the products at 8 x 4 and 4 x 8.
    output logic [ 25:0] out_halves_o,
    /// The sum of the two halves, signed: the product at 8 x 8, the sum of the products in every mode.
    output logic [ 17:0] out_whole_o,
    /// The whole, shifted as the pass says, modulo 2^32.
    output logic [ 31:0] out_sum_o
);
  localparam int BrickWidth = 5;
  localparam int PairWidth = 7;
  localparam int QuadWidth = 11;
  localparam int HalfWidth = 13;
  localparam int WholeWidth = 18;

  logic activation_2, activation_4, activation_8, weight_2, weight_4, weight_8;
  assign activation_2 = in_activation_mode_i == 2'd0;
  assign activation_4 = in_activation_mode_i == 2'd1;
  assign activation_8 = in_activation_mode_i == 2'd2;
  assign weight_2 = in_weight_mode_i == 2'd0;
  assign weight_4 = in_weight_mode_i == 2'd1;
  assign weight_8 = in_weight_mode_i == 2'd2;

  // Shifts of the levels.
  logic pair_by_2, quad_by_2, quad_by_4, half_by_4, whole_by_4;
  assign pair_by_2 = !(activation_2 && weight_2);
  assign quad_by_2 = !activation_2 && !weight_2;
  assign quad_by_4 = (activation_8 && weight_2) || (activation_2 && weight_8);
  assign half_by_4 = (activation_8 && !weight_2) || (weight_8 && !activation_2);
  assign whole_by_4 = activation_8 && weight_8;

  for (genvar k = 0; k < 16; k++) begin : gen_brick
    localparam bit Bit0 = (k % 2) == 1;
    localparam bit Bit1 = ((k / 2) % 2) == 1;
    localparam bit Bit2 = ((k / 4) % 2) == 1;
    localparam bit Bit3 = (k / 8) == 1;
    // Numbers of the digits that bits of k can select: K32 and K3: bits 3, 2 and bit 3 of k select the element, and so on.
    localparam int K320 = (k / 4) * 2 + (k % 2);
    localparam int K30 = (k / 8) * 2 + (k % 2);
    localparam int K20 = ((k / 4) % 2) * 2 + (k % 2);
    localparam int K31 = (k / 8) * 2 + ((k / 2) % 2);

    logic [1:0] activation_digit, weight_digit;
    logic activation_top, weight_top;
    assign activation_digit =
        weight_2 || (activation_2 && !weight_4 && !weight_8) ? in_activations_i[2*k+:2] :
        activation_2 ? (weight_4 ? in_activations_i[2*(k/2)+:2] : in_activations_i[2*(k/4)+:2]) :
        weight_4 ? in_activations_i[2*K320+:2] :
        activation_4 ? in_activations_i[2*K30+:2] : in_activations_i[2*K20+:2];
    assign weight_digit =
        activation_2 ? in_weights_i[2*k+:2] :
        activation_4 ? in_weights_i[2*(k/2)+:2] :
        weight_2 ? in_weights_i[2*(k/4)+:2] : in_weights_i[2*K31+:2];
    // The digit that holds the sign: the only one of 2 bits, digit 1 of 4 bits, digit 3 of 8 bits.
    assign activation_top =
        activation_2 || (activation_4 && Bit0) || (activation_8 && Bit0 && (weight_2 ? Bit1 : Bit2));
    assign weight_top =
        weight_2 || (weight_4 && (activation_2 ? Bit0 : Bit1)) ||
        (weight_8 && (activation_2 ? Bit1 && Bit0 : Bit1 && (activation_4 ? Bit2 : Bit3)));

    logic signed [2:0] activation, weight;
    assign activation = {in_activation_signed_i && activation_top && activation_digit[1], activation_digit};
    assign weight = {in_weight_signed_i && weight_top && weight_digit[1], weight_digit};
    logic signed [BrickWidth-1:0] product;
    assign product = BrickWidth'(activation) * BrickWidth'(weight);
    assign out_bricks_o[k*BrickWidth+:BrickWidth] = product;
  end

  for (genvar k = 0; k < 8; k++) begin : gen_pair
    logic signed [PairWidth-1:0] low, high;
    assign low = PairWidth'($signed(out_bricks_o[2*k*BrickWidth+:BrickWidth]));
    assign high = PairWidth'($signed(out_bricks_o[(2*k+1)*BrickWidth+:BrickWidth]));
    assign out_pairs_o[k*PairWidth+:PairWidth] = low + (pair_by_2 ? high <<< 2 : high);
  end

  for (genvar k = 0; k < 4; k++) begin : gen_quad
    logic signed [QuadWidth-1:0] low, high;
    assign low = QuadWidth'($signed(out_pairs_o[2*k*PairWidth+:PairWidth]));
    assign high = QuadWidth'($signed(out_pairs_o[(2*k+1)*PairWidth+:PairWidth]));
    assign out_quads_o[k*QuadWidth+:QuadWidth] = low + (quad_by_4 ? high <<< 4 : quad_by_2 ? high <<< 2 : high);
  end

  for (genvar k = 0; k < 2; k++) begin : gen_half
    logic signed [HalfWidth-1:0] low, high;
    assign low = HalfWidth'($signed(out_quads_o[2*k*QuadWidth+:QuadWidth]));
    assign high = HalfWidth'($signed(out_quads_o[(2*k+1)*QuadWidth+:QuadWidth]));
    assign out_halves_o[k*HalfWidth+:HalfWidth] = low + (half_by_4 ? high <<< 4 : high);
  end

  logic signed [WholeWidth-1:0] whole_low, whole_high;
  assign whole_low = WholeWidth'($signed(out_halves_o[0+:HalfWidth]));
  assign whole_high = WholeWidth'($signed(out_halves_o[HalfWidth+:HalfWidth]));
  assign out_whole_o = whole_low + (whole_by_4 ? whole_high <<< 4 : whole_high);

  logic signed [31:0] sum;
  assign sum = 32'($signed(out_whole_o));
  assign out_sum_o = in_pass_shift_i[1] ? sum <<< 16 : in_pass_shift_i[0] ? sum <<< 8 : sum;
endmodule
