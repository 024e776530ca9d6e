// Properties of stream_skid (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// A beat in the skid place waits behind one at the output.
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) a_skid_behind_output: assert (!skid_valid_q || out_valid_o);

// A stalled beat is neither lost nor changed.
always_ff @(posedge clk_i)
  if (f_past_valid_q && rst_ni && $past(rst_ni && out_valid_o && !out_ready_i))
    a_out_held: assert (out_valid_o && out_data_o == $past(out_data_o));
