"""Treatment of values before they are scored: screening, imputation, outliers, transformation."""
