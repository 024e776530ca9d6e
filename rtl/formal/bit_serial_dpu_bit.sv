// Stands in for bit_serial_dpu in the proof of bit_serial_array, which is about which words meet, and when: the same pipeline, one bit counted.
module bit_serial_dpu #(
    parameter int unsigned Depth = 1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic in_valid_i,
    input logic in_first_i,
    input logic in_shift_i,
    input logic in_negate_i,
    input logic [Depth-1:0] in_activations_i,
    input logic [Depth-1:0] in_weights_i,
    output logic [31:0] out_acc_o
);
  logic valid1_q, first1_q, shift1_q, negate1_q, count1_q, valid2_q, first2_q, shift2_q, negate2_q, count2_q;
  logic [31:0] acc_q;
  always_ff @(posedge clk_i) begin
    {first1_q, shift1_q, negate1_q, count1_q} <= {in_first_i, in_shift_i, in_negate_i, in_activations_i[0] & in_weights_i[0]};
    {first2_q, shift2_q, negate2_q, count2_q} <= {first1_q, shift1_q, negate1_q, count1_q};
    valid1_q <= rst_ni && in_valid_i;
    valid2_q <= rst_ni && valid1_q;
    if (valid2_q) acc_q <= (first2_q ? 32'd0 : shift2_q ? acc_q << 1 : acc_q) + {{31{negate2_q & count2_q}}, count2_q};
  end
  assign out_acc_o = acc_q;
endmodule
