// Stands in for fusion_unit where the proof is of what surrounds it: another function, but one that every input bit changes, and cheap to
// reason about. fusion_unit's own proofs say what the real one computes.
module fusion_unit (
    input  logic [ 1:0] in_activation_mode_i,
    input  logic [ 1:0] in_weight_mode_i,
    input  logic        in_activation_signed_i,
    input  logic        in_weight_signed_i,
    input  logic [ 1:0] in_pass_shift_i,
    input  logic [31:0] in_activations_i,
    input  logic [31:0] in_weights_i,
    output logic [79:0] out_bricks_o,
    output logic [55:0] out_pairs_o,
    output logic [43:0] out_quads_o,
    output logic [25:0] out_halves_o,
    output logic [17:0] out_whole_o,
    output logic [31:0] out_sum_o
);
  assign {out_bricks_o, out_pairs_o, out_quads_o, out_halves_o, out_whole_o} = 224'd0;
  assign out_sum_o = in_activations_i ^ {in_weights_i[7:0], in_weights_i[31:8]} ^
      {in_activation_mode_i, in_weight_mode_i, in_activation_signed_i, in_weight_signed_i, in_pass_shift_i, 24'd0};
endmodule
