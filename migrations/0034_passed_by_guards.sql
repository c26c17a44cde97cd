GRANT UPDATE (passed_by) ON activity_cursors TO plimsoll_engine;
