// Connects tile_shell's outer ports to the core's, by name.
      .clk_i, .rst_ni, .prog_valid_i, .prog_ready_o, .prog_data_i, .running_o, .act_valid_i, .act_ready_o, .act_data_i,
      .act_slots_valid_o, .act_slots_ready_i, .act_slots_o, .wgt_valid_i, .wgt_ready_o, .wgt_data_i,
      .wgt_slots_valid_o, .wgt_slots_ready_i, .wgt_slots_o, .par_valid_i, .par_ready_o, .par_data_i, .res_valid_i,
      .res_ready_o, .res_data_i, .piece_valid_o, .piece_ready_i, .out_valid_o, .out_ready_i, .out_data_o,
