"""What words mean: indicators, areas, periods, figures and sentences. Reads ``seeds/``, else pure."""
