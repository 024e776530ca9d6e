# Joins the C++ files that Verilator wrote (their names hold hashes) into one that is compiled: FOLDER, PREFIX.
file(GLOB parts RELATIVE ${FOLDER} ${FOLDER}/${PREFIX}*.cpp)
list(REMOVE_ITEM parts ${PREFIX}__all.cpp)
list(SORT parts)
set(text "")
foreach(part IN LISTS parts)
  string(APPEND text "#include \"${part}\"\n")
endforeach()
file(WRITE ${FOLDER}/${PREFIX}__all.cpp "${text}")
