int zd_take_next(zd_port *port);
