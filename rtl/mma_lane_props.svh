// Properties of mma_lane (inside the module, FORMAL only).

// Against multiplication: one product of 8 bits, or the sum of two of 4 bits, or of eight of 1 bit.
function automatic logic signed [19:0] f_extend8(input logic [7:0] bits, input logic is_signed);
  f_extend8 = {{12{is_signed & bits[7]}}, bits};
endfunction
function automatic logic signed [19:0] f_extend4(input logic [3:0] bits, input logic is_signed);
  f_extend4 = {{16{is_signed & bits[3]}}, bits};
endfunction
function automatic logic signed [19:0] f_extend1(input logic bits, input logic is_signed);
  f_extend1 = {{19{is_signed & bits}}, bits};
endfunction
logic signed [19:0] f_lane;
always @* begin
  f_lane = 20'sd0;
  if (in_mode_i == 2'd0) begin
    f_lane = f_extend8(in_activation_i[7:0], in_activation_signed_i) * f_extend8(in_weight_i[7:0], in_weight_signed_i);
  end else if (in_mode_i == 2'd1) begin
    for (int i = 0; i < 2; i = i + 1)
      f_lane = f_lane + f_extend4(in_activation_i[i*4+:4], in_activation_signed_i) * f_extend4(in_weight_i[i*4+:4], in_weight_signed_i);
  end else begin
    for (int i = 0; i < 8; i = i + 1)
      f_lane = f_lane + f_extend1(in_activation_i[i], in_activation_signed_i) * f_extend1(in_weight_i[i], in_weight_signed_i);
  end
end
// The lane is the exact sum of its products, in the range that the sums are made for.
always @* a_lane: assert (20'($signed(out_sum_o)) == f_lane);
always @* a_range: assert ($signed(out_sum_o) >= -19'sd32640 && $signed(out_sum_o) <= 19'sd65025);
